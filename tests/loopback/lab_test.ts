import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { freePort } from "./lab.ts";

/** What another test file has, which runs at the same time. */
const otherLab = await import(new URL("./lab.ts?other", import.meta.url).href);

/** So many that two that draw at random would meet. */
const PORTS = 200;

Deno.test("freePort() gives no port that another test file is given, until it has none", () => {
  const ports = [...drawn(freePort), ...drawn(otherLab.freePort)];
  ok(ports.length > 100);
  strictEqual(new Set(ports).size, ports.length);
  deepStrictEqual(ports.filter((port) => port < 11_000 || port > 31_999), []);
});

function* drawn(draw: () => number): Iterable<number> {
  try {
    for (let count = 0; count < PORTS; count++) yield draw();
  } catch (error) {
    ok(/^Error: Cannot give a free port/.test(`${error}`), `${error}`);
  }
}
