import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { Interruption } from "../../src/cli/environment/interruption.ts";
import { CommandError } from "../../src/cli/output/failure.ts";
import { denoLine, perms, type Place } from "../../src/cli/perms.ts";
import { run } from "../../src/cli/run.ts";
import { FakeEnvironment } from "./fake_environment.ts";

const CHECKOUT: Place = {
  currentFolder: "/home/me/starling",
  programFolder: "/home/me/starling/",
  shell: "sh",
};
const ELSEWHERE: Place = { ...CHECKOUT, currentFolder: "/srv" };
const EXECUTABLE: Place = { ...CHECKOUT, programFolder: undefined };
const RUN = "deno run --no-prompt";

Deno.test("denoLine() gives the line that README tells, for a command alone", () => {
  const cases = {
    get: "--allow-net --allow-read=. --allow-write=.",
    cat: "--allow-net --allow-read=. --allow-write=.",
    seed: "--allow-net --allow-read=.",
    create: "--allow-read=. --allow-write=.",
    info: "--allow-read=.",
    verify: "--allow-read=.",
    tracker: "--allow-net",
    demo: "--allow-net=127.0.0.1 --allow-read=. --allow-write=.",
  };
  for (const [command, flags] of Object.entries(cases)) {
    strictEqual(denoLine([command], CHECKOUT), `${RUN} ${flags} main.ts ${command}`);
    strictEqual(denoLine([command], EXECUTABLE), `${RUN} ${flags} main.ts ${command}`);
  }
});

Deno.test("denoLine() lists each path once, and none that lies in another", () => {
  const cases: [words: string[], place: Place, line: string][] = [
    [["get", "-o", "d", "d/x.torrent"], CHECKOUT, "--allow-read=d,src --allow-write=d main.ts"],
    [["get", "-o", "src", "-"], CHECKOUT, "--allow-read=src --allow-write=src main.ts"],
    [
      ["get", "-o", "./d/", "--state-dir", "d/../d", "-"],
      CHECKOUT,
      "--allow-read=./d/,src --allow-write=./d/ main.ts",
    ],
    [
      ["x.torrent"],
      ELSEWHERE,
      "--allow-read=.,/home/me/starling/src --allow-write=. " +
      "/home/me/starling/main.ts",
    ],
    [["get", "-o", "..", "-"], CHECKOUT, "--allow-read=.. --allow-write=.. main.ts"],
    [["get", "-o", "/", "x"], CHECKOUT, "--allow-read=/ --allow-write=/ main.ts"],
    [["get", "-o", "..d", "-"], CHECKOUT, "--allow-read=..d,src --allow-write=..d main.ts"],
  ];
  for (const [words, place, flags] of cases) {
    strictEqual(denoLine(words, place), `${RUN} --allow-net ${flags} ${words.join(" ")}`);
  }
});

Deno.test("denoLine() quotes for a shell, and gives the flag for all where a path has a comma", () => {
  strictEqual(
    denoLine(["get", "-o", "my data", "--on-done", "echo 'hi'", "a.torrent"], CHECKOUT),
    `${RUN} --allow-net '--allow-read=my data,a.torrent,src' '--allow-write=my data' ` +
      `--allow-run=sh main.ts get -o 'my data' --on-done 'echo '\\''hi'\\''' a.torrent`,
  );
  strictEqual(
    denoLine(["get", "-o", "a,b", "-"], CHECKOUT),
    `${RUN} --allow-net --allow-read --allow-write main.ts get -o a,b -`,
  );
});

Deno.test("denoLine() grants nothing to what is answered without a command", () => {
  for (const words of [["--help"], ["get", "--help"], ["--version"], ["completion", "bash"]]) {
    strictEqual(denoLine(words, CHECKOUT), `${RUN} main.ts ${words.join(" ")}`);
  }
});

Deno.test("denoLine() refuses a first word that is no command, and could hardly be a source", () => {
  throws(() => denoLine(["nope", "x.torrent"], CHECKOUT), {
    message: "Unexpected command: nope (starling --help lists them)",
  });
  for (const word of ["./nope", "nope.torrent", "-", "ab".repeat(20)]) {
    ok(denoLine([word], CHECKOUT).endsWith(` main.ts ${word}`), word);
  }
});

Deno.test("denoLine() refuses words that cannot be meant, as the command itself would", () => {
  throws(() => denoLine(["get", "--nope", "x"], CHECKOUT), (error) => {
    ok(error instanceof CommandError);
    return error.failure.exitCode === 2 && error.message.includes("--nope");
  });
});

Deno.test("perms() prints one line for a command, one for each of them without", async () => {
  const linesOf = async (...words: string[]) => {
    const environment = new FakeEnvironment({});
    const interruption = new Interruption(environment);
    deepStrictEqual(await perms({ command: "perms", words }, { environment, interruption }), 0);
    interruption.close();
    await environment.stdout.flush();
    return environment.out.split("\n").slice(0, -1);
  };
  deepStrictEqual(await linesOf("tracker"), [`${RUN} --allow-net main.ts tracker`]);
  const lines = await linesOf();
  ok(lines.length >= 9 && lines.every((line) => line.startsWith(RUN)), lines.join("\n"));
  strictEqual(lines[0], denoLine(["get"], CHECKOUT));
});

Deno.test("run() hands perms all that follows it, options too", async () => {
  const environment = new FakeEnvironment({ args: ["perms", "get", "-q", "-o", "d", "--", "-x"] });
  deepStrictEqual([await run(environment), environment.err], [0, ""]);
  strictEqual(
    environment.out,
    `${RUN} --allow-net --allow-read=d,-x,src --allow-write=d main.ts get -q -o d -- -x\n`,
  );
});
