import { deepStrictEqual, ok } from "node:assert/strict";
import { Output } from "../../../src/cli/output/output.ts";
import { Screen, SHOW_CURSOR } from "../../../src/cli/output/screen.ts";
import { ManualClock } from "../../sim/manual_clock.ts";
import { Terminal } from "../terminal.ts";

function open() {
  const terminal = new Terminal();
  const output = new Output((bytes) => {
    terminal.write(new TextDecoder().decode(bytes));
    return Promise.resolve(bytes.length);
  }, { clock: new ManualClock(), isTerminal: true });
  return { terminal, output, screen: new Screen(output) };
}

Deno.test("Screen redraws in place, with fewer lines and with more", async () => {
  const { terminal, output, screen } = open();
  for (const lines of [["one", "two", "three"], ["ONE"], ["a", "b"]]) {
    screen.draw(lines);
    await output.flush();
    deepStrictEqual(terminal.lines, lines);
  }
});

Deno.test("Screen prints permanent lines above the view", async () => {
  const { terminal, output, screen } = open();
  screen.print("before");
  screen.draw(["view 1", "view 2"]);
  await output.flush();
  screen.print("above, and much longer than the view");
  await output.flush();
  screen.draw(["view 3", "view 4"]);
  await output.flush();
  deepStrictEqual(terminal.lines, [
    "before",
    "above, and much longer than the view",
    "view 3",
    "view 4",
  ]);
});

Deno.test("Screen hides the cursor while it draws and shows it at the end", async () => {
  const { terminal, output, screen } = open();
  screen.draw(["view"]);
  await output.flush();
  ok(!terminal.isCursorShown);
  screen.close();
  screen.print("the end");
  await output.flush();
  ok(terminal.isCursorShown);
  deepStrictEqual(terminal.lines, ["the end", ""]);
  deepStrictEqual(SHOW_CURSOR, "\x1b[?25h");
});

Deno.test("Screen writes nothing when it is closed without a view", async () => {
  const { terminal, output, screen } = open();
  screen.close();
  await output.flush();
  deepStrictEqual(terminal.written, "");
});

Deno.test("Screen skips a view while the terminal has not taken the last one", async () => {
  const { terminal, output, screen } = open();
  screen.draw(["first"]);
  screen.draw(["second"]);
  await output.flush();
  deepStrictEqual(terminal.lines, ["first"]);
});
