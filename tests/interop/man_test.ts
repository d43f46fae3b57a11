/** The manual page, read by the programs that read manual pages. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { manualPage } from "../../src/cli/man.ts";
import { isMissing } from "./installed.ts";

async function read(program: string, ...args: string[]) {
  const file = await Deno.makeTempFile({ suffix: ".1" });
  try {
    await Deno.writeTextFile(file, `${manualPage()}\n`);
    const command = new Deno.Command(program, { args: [...args, file] });
    const { code, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("groff sets the manual page without a warning", {
  ignore: isMissing("groff"),
}, async () => {
  const { code, out, err } = await read("groff", "-ww", "-man", "-Tutf8");
  deepStrictEqual([code, err], [0, ""]);
  // deno-lint-ignore no-control-regex
  const text = out.replaceAll(/\x1b\[\d*m|.\x08/g, "");
  ok(text.includes("-o, --output DIR") && text.includes("socks5://…"), text);
});

Deno.test("mandoc finds nothing wrong with the manual page but that it has no date", {
  ignore: isMissing("mandoc"),
}, async () => {
  const { out } = await read("mandoc", "-T", "lint", "-W", "warning");
  const complaints = out.split("\n").filter((line) => line !== "" && !/missing date/.test(line));
  strictEqual(complaints.join("\n"), "");
});
