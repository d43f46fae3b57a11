/** The completion scripts, in the shells that they are for. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { Lab } from "../loopback/lab.ts";
import { isMissing } from "./installed.ts";

const MAIN = join(import.meta.dirname!, "../../main.ts");
const TIMEOUT_MS = 120_000;

/** What is typed after `starling`, and what the shell offers for its last word. */
const OFFERS: readonly (readonly [typed: string, offers: readonly string[]])[] = [
  ["ver", ["verify"]],
  ["verify --no-p", ["--no-pex", "--no-port-map"]],
  ["info --encryption ", ["off", "prefer", "require"]],
  ["info --state-dir down", ["downloads/"]],
  ["info x", ["x.torrent"]],
  ["verify x.torrent dat", ["data.bin"]],
];

/** A folder with something to complete, and `starling` in PATH. */
async function makeLab(): Promise<{ lab: Lab; env: Record<string, string> }> {
  const lab = await Lab.open();
  const program = `#!/bin/sh\nexec '${Deno.execPath()}' run --no-prompt --no-lock '${MAIN}' "$@"\n`;
  await lab.makeFolder("bin");
  await Deno.writeTextFile(lab.path("bin", "starling"), program, { mode: 0o755 });
  await lab.makeFolder("here", "downloads");
  for (const name of ["x.torrent", "data.bin"]) {
    await Deno.writeTextFile(lab.path("here", name), "");
  }
  const env = { PATH: `${lab.path("bin")}:${Deno.env.get("PATH")}` };
  return { lab, env };
}

async function runIn(lab: Lab, env: Record<string, string>, shell: string, ...args: string[]) {
  const command = new Deno.Command(shell, { args, env, cwd: lab.path("here") });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  deepStrictEqual([code, decoder.decode(stderr)], [0, ""]);
  return decoder.decode(stdout).split("\n").filter((line) => line !== "").toSorted();
}

Deno.test("bash completes commands, options, values and paths", {
  ignore: isMissing("bash"),
}, async () => {
  const { lab, env } = await makeLab();
  await using _ = lab;
  const script = `
    source <(starling completion bash)
    COMP_LINE="starling $1" COMP_POINT=\${#COMP_LINE}
    read -ra COMP_WORDS <<< "$COMP_LINE"
    [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=("")
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    _starling starling "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  for (const [typed, offers] of OFFERS) {
    deepStrictEqual(await runIn(lab, env, "bash", "-c", script, "bash", typed), offers, typed);
  }
});

Deno.test("fish completes commands, options, values and paths", {
  ignore: isMissing("fish"),
}, async () => {
  const { lab, env } = await makeLab();
  await using _ = lab;
  for (const [typed, offers] of OFFERS) {
    const script = `starling completion fish | source; complete -C "starling ${typed}"`;
    const lines = await runIn(lab, env, "fish", "--no-config", "-c", script);
    // A word may have its description behind it; files of other kinds may be offered as well.
    const words = lines.map((line) => line.split("\t")[0]!);
    ok(offers.every((offer) => words.includes(offer)), `${typed}: ${words}`);
  }
});

Deno.test("zsh completes commands, options, values and paths", {
  ignore: isMissing("zsh"),
}, async () => {
  const { lab, env } = await makeLab();
  await using _ = lab;
  for (const [typed, offers] of OFFERS) {
    const shown = await typeIntoZsh(lab, env, `starling ${typed}`, offers);
    ok(offers.every((offer) => shown.includes(offer)), `${typed}: ${shown}`);
  }
});

/** What stands on the terminal once all the offers do, or nothing more came. */
async function typeIntoZsh(
  lab: Lab,
  env: Record<string, string>,
  typed: string,
  offers: readonly string[],
): Promise<string> {
  const shell = new Deno.Command("script", {
    args: ["-qec", "stty cols 150 -echo; exec zsh -f -i", "/dev/null"],
    env: { ...env, TERM: "dumb", PS1: "READY> " },
    cwd: lab.path("here"),
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => shell.kill("SIGKILL"), TIMEOUT_MS);
  const keyboard = shell.stdin.getWriter();
  const type = (text: string) => keyboard.write(new TextEncoder().encode(text));
  await type("autoload -Uz compinit; compinit -u -D; source <(starling completion zsh); ");
  // The word is put together by zsh, so that what is echoed is not taken for it.
  await type("PS1='NO''W> '\n");
  let text = "", isTyped = false, before = 0;
  for await (const part of shell.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (!isTyped && text.includes("NOW> ")) {
      isTyped = true;
      before = text.length;
      await type(`${typed}\t\t`);
    }
    // deno-lint-ignore no-control-regex
    const shown = text.slice(before).replaceAll(/\x1b\[[\d;?]*[A-Za-z]|\r/g, "");
    if (isTyped && offers.every((offer) => shown.includes(offer))) break;
  }
  clearTimeout(timer);
  shell.kill("SIGKILL");
  await Promise.allSettled([keyboard.abort(), shell.status]);
  // deno-lint-ignore no-control-regex
  return text.slice(before).replaceAll(/\x1b\[[\d;?]*[A-Za-z]|\r/g, "");
}
