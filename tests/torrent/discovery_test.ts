import { deepStrictEqual, rejects } from "node:assert/strict";
import type { Endpoint } from "../../src/base/endpoint.ts";
import { discover, known, sighted, type Sighting } from "../../src/torrent/discovery.ts";

const A: Endpoint = { host: "10.0.0.1", port: 1 };
const B: Endpoint = { host: "10.0.0.2", port: 2 };

async function* yielding<Item>(...items: Item[]): AsyncIterable<Item> {
  yield* items;
}

async function collect(sightings: AsyncIterable<Sighting>): Promise<Sighting[]> {
  const all: Sighting[] = [];
  for await (const sighting of sightings) all.push(sighting);
  return all;
}

Deno.test("discover() ends when all sources have ended, with what each of them said", async () => {
  const named = sighted(yielding([A]), "named");
  const found = await collect(discover([named, sighted(yielding([B], [A, B]), "tracker")]));
  const bySource = (source: string) => found.filter((sighting) => sighting.source === source);
  deepStrictEqual(bySource("named"), [{ endpoints: [A], source: "named" }]);
  deepStrictEqual(bySource("tracker").map(({ endpoints }) => endpoints), [[B], [A, B]]);
});

Deno.test("known() leaves out who names nobody", async () => {
  const named: Sighting = { endpoints: [A], source: "named" };
  deepStrictEqual(await collect(known([{ endpoints: [], source: "tracker" }, named])), [named]);
});

Deno.test("discover() throws what a source throws", async () => {
  // deno-lint-ignore require-yield
  async function* failing(): AsyncIterable<Sighting> {
    await Promise.resolve();
    throw new RangeError("a bug");
  }
  await rejects(collect(discover([failing()])), RangeError);
});
