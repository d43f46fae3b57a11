import { deepStrictEqual } from "node:assert/strict";
import { describeMissing, missingPaths, missingPermission } from "../../src/base/permission.ts";

const flagOf = (message: string) => missingPermission(new Deno.errors.NotCapable(message))?.flag;

Deno.test("S4 missingPermission() reads every refusal of Deno", () => {
  deepStrictEqual(
    missingPermission(
      new Deno.errors.NotCapable(
        'Requires write access to "out/x", run again with the --allow-write flag',
      ),
    ),
    { access: "write", target: "out/x", flag: "--allow-write=out/x" },
  );
  deepStrictEqual(
    flagOf('Requires net access to "1.2.3.4:80", run again with the --allow-net flag'),
    "--allow-net",
  );
  deepStrictEqual(
    flagOf('Requires run access to "sh", run again with the --allow-run flag'),
    "--allow-run=sh",
  );
  deepStrictEqual(
    flagOf("Requires read access to <CWD>, run again with the --allow-read flag"),
    "--allow-read",
  );
  deepStrictEqual(
    flagOf('Requires all access to "/dev/shm/x", run again with the --allow-all flag'),
    "--allow-all",
  );
  deepStrictEqual(flagOf("Something new"), "--allow-all");
});

Deno.test("missingPermission() quotes for a shell what a shell would not keep", () => {
  const refusal = (path: string) =>
    `Requires read access to "${path}", run again with the --allow-read flag`;
  deepStrictEqual(flagOf(refusal("a b")), "'--allow-read=a b'");
  deepStrictEqual(flagOf(refusal("it's")), "'--allow-read=it'\\''s'");
  deepStrictEqual(flagOf(refusal("a,b")), "--allow-read");
});

Deno.test("S4 missingPaths() names one flag for each access, with all paths", () => {
  const both = missingPaths([
    { access: "read", paths: ["/a b", "/c"] },
    { access: "write", paths: ["/c"] },
  ])!;
  deepStrictEqual(
    describeMissing(both),
    "Deno's permission for read and write access to /a b and /c is missing; run again with " +
      "'--allow-read=/a b,/c' --allow-write=/c",
  );
  deepStrictEqual(missingPaths([{ access: "write", paths: ["a,b"] }])?.flag, "--allow-write");
  deepStrictEqual(missingPaths([{ access: "read", paths: [] }]), undefined);
});

Deno.test("missingPermission() is undefined for all other errors", () => {
  deepStrictEqual(missingPermission(new Deno.errors.PermissionDenied("EACCES")), undefined);
  deepStrictEqual(missingPermission("NotCapable"), undefined);
});

Deno.test({
  name: "missingPermission() knows the words of this runtime",
  permissions: { read: ["/nowhere"], write: false, net: false, run: false, env: false },
  fn() {
    const attempts: [() => unknown, string][] = [
      [() => Deno.readTextFileSync("/etc/hostname"), "--allow-read=/etc/hostname"],
      [() => Deno.writeTextFileSync("a/b", ""), "--allow-write=a/b"],
      [() => Deno.listen({ port: 0 }), "--allow-net"],
      [() => new Deno.Command("sh").outputSync(), "--allow-run=sh"],
      [() => Deno.env.get("TERM"), "--allow-env=TERM"],
    ];
    for (const [attempt, flag] of attempts) {
      try {
        attempt();
      } catch (error) {
        deepStrictEqual(missingPermission(error)?.flag, flag);
        continue;
      }
      throw new Error(`${flag} was not refused`);
    }
  },
});
