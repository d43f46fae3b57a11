import { deepStrictEqual } from "node:assert/strict";
import { disagreements, PLAIN } from "./foreseen.ts";

Deno.test("foresee() and a download agree, whatever stands where it is to go", async () => {
  deepStrictEqual(await disagreements(PLAIN), []);
});

Deno.test("foresee() and a download agree about what the system denies", async (t) => {
  const main = new URL("./foreseen.ts", import.meta.url).href;
  // In a user namespace without a mapping even the superuser is bound by modes.
  const { code, stdout, stderr } = await unshared(Deno.execPath(), "run", "--no-lock", "-A", main);
  if (code !== 0 && (await unshared("true")).code !== 0) {
    await Deno.stderr.write(new TextEncoder().encode(`skipped ${t.name}: ${stderr}\n`));
    return;
  }
  deepStrictEqual([code, stdout], [0, "[]"], stderr);
});

async function unshared(...command: string[]) {
  try {
    const { code, stdout, stderr } = await new Deno.Command("unshare", { args: ["-U", ...command] })
      .output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  } catch (error) {
    return { code: 1, stdout: "", stderr: String(error) };
  }
}
