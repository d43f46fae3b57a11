import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { manualPage } from "../../src/cli/man.ts";
import { parseArguments } from "../../src/cli/options/explained_arguments.ts";
import { roff } from "../../src/cli/output/roff.ts";
import { run } from "../../src/cli/run.ts";
import { CAUSES } from "../../src/torrent/verdict.ts";
import { FakeEnvironment } from "./fake_environment.ts";

const page = manualPage();
const commands = [...helpOf().matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name!);

Deno.test("manualPage() has every command and every option that --help tells", () => {
  ok(commands.length >= 9 && commands.includes("get") && commands.includes("completion"));
  for (const command of commands) ok(page.includes(`.SS "starling ${command}"`), command);
  for (const command of commands.filter((name) => name !== "completion")) {
    const chapter = page.split(`.SS "starling ${command}"`)[1]!.split(/^\.S[SH]/m)[0]!;
    const options = [...helpOf(command).matchAll(/^ {2}(-.*?)(?: {2,}|$)/gm)].map(([, it]) => it!);
    for (const names of options.filter((text) => !text.includes("--help"))) {
      const [name = ""] = names.split(/[,\s]/);
      ok(chapter.includes(`\\fB${roff(name)}\\fR`), `${command} ${name}`);
    }
  }
  ok(page.includes("\\fB\\-o\\fR, \\fB\\-\\-output\\fR \\fIDIR\\fR\nwhere the data goes"));
});

Deno.test("manualPage() says which words a command takes", () => {
  const lines = page.split(".SH SYNOPSIS\n")[1]!.split(".SH")[0]!.replaceAll(/\\f./g, "");
  const synopses = lines.trim().split("\n.br\n");
  for (
    const line of [
      "starling get [OPTIONS] SOURCE...",
      "starling verify [OPTIONS] TORRENT [PATH]",
      "starling demo",
      "starling perms [COMMAND [WORDS...]]",
      "starling completion bash|zsh|fish|nu|pwsh",
    ]
  ) ok(synopses.includes(line), `${line} is not in\n${lines}`);
});

Deno.test("manualPage() has every exit code", () => {
  const status = page.split(".SH EXIT STATUS\n")[1]!.split(".SH")[0]!;
  for (const [cause, { exitCode }] of Object.entries(CAUSES)) {
    ok(status.includes(`\\fB${exitCode}\\fR ${roff(cause)}\n`), cause);
  }
});

Deno.test("manualPage() is ASCII without control characters, and all its requests are known", () => {
  match(page, /^[\x20-\x7e\n]*$/);
  const requests = new Set([...page.matchAll(/^[.'](\w*)/gm)].map(([, name]) => name));
  deepStrictEqual([...requests].toSorted(), ["PP", "SH", "SS", "TH", "TP", "br"]);
});

Deno.test("run() prints the manual page", async () => {
  const environment = new FakeEnvironment({ args: ["man"] });
  deepStrictEqual([await run(environment), environment.err], [0, ""]);
  strictEqual(environment.out, `${page}\n`);
});

function helpOf(...command: string[]): string {
  let help = "";
  parseArguments([...command, "--help"], { print: (text) => help += text, columns: 200 });
  return help;
}
