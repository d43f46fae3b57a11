import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { formatEndpoint } from "../../src/base/endpoint.ts";
import type { Connection } from "../../src/net/transport.ts";
import { WebSeeds } from "../../src/torrent/web_seeds.ts";
import { fullBitfield, Lab } from "../sim/lab.ts";
import { SimWeb } from "../sim/sim_web.ts";

const CONTENT = new SeededRandom(4).bytes(20_000);
const NEVER = new AbortController().signal;

class Scene {
  readonly lab = new Lab(CONTENT, 16_384, new SeededRandom(4));
  readonly web = new SimWeb({ clock: this.lab.clock });
  readonly seeds: WebSeeds;
  readonly sighted: string[] = [];
  readonly missing = fullBitfield(2);

  constructor(urls: readonly string[]) {
    for (const url of urls) this.web.files.set(url, CONTENT);
    this.seeds = new WebSeeds({
      metainfo: this.lab.metainfo,
      network: { ...this.lab.network.host("10.0.0.1"), resolve: () => Promise.resolve([]) },
      fetch: this.web.fetch,
      clock: this.lab.clock,
      random: new SeededRandom(1),
      urls,
      missing: this.missing,
      onEvent: () => {},
    });
    void this.#watch();
  }

  async #watch(): Promise<void> {
    for await (const { endpoints, source } of this.seeds.sightings()) {
      this.sighted.push(...endpoints.map((endpoint) => `${source} ${formatEndpoint(endpoint)}`));
    }
    this.sighted.push("end");
  }

  /** The connection, or why there is none. */
  async open(host: string, port = 80): Promise<Connection | string> {
    const opening = this.seeds.open({ host, port }, NEVER)
      .then((opened) => opened?.connection ?? "not now", (error) => error.message as string);
    ok(await this.lab.settled(opening, 60_000));
    return await opening;
  }
}

function urlsAt(...hosts: string[]): string[] {
  return hosts.map((host) => `http://${host}/content`);
}

Deno.test("WebSeeds.has() knows a server by its host and port, whatever the URL's form", () => {
  const { seeds } = new Scene([
    "https://a.example/content",
    "http://B.example:8080/content",
    "http://[2001:db8::1]/content",
    "http://10.1.2.3:81/content",
  ]);
  const asked = [["a.example", 443], ["b.example", 8080], ["2001:db8::1", 80], ["10.1.2.3", 81]];
  for (const [host, port] of asked as [string, number][]) ok(seeds.has({ host, port }), host);
  ok(!seeds.has({ host: "a.example", port: 80 }) && seeds.isAny);
  ok(!new Scene([]).seeds.isAny);
});

Deno.test("T21 WebSeeds.sightings() names three servers, and another one for each that ended", async () => {
  const scene = new Scene(urlsAt("a.x", "b.x", "c.x", "d.x", "e.x", "f.x"));
  const { clock } = scene.lab;
  await clock.run(() => false, 10);
  deepStrictEqual(scene.sighted, ["torrent a.x:80", "torrent b.x:80", "torrent c.x:80"]);
  scene.web.faults.set("http://b.x/content", { isGone: true });
  deepStrictEqual(await scene.open("b.x"), "it is unreachable");
  deepStrictEqual(scene.sighted.slice(3), ["torrent d.x:80"]);
  (await scene.open("a.x") as Connection).close();
  await clock.run(() => false, 10);
  deepStrictEqual(scene.sighted.slice(4), ["torrent e.x:80"]);
  scene.seeds.close();
  await clock.run(() => false, 10);
  deepStrictEqual(scene.sighted.slice(5), ["end"]);
});

Deno.test("T21 WebSeeds.open() uses three servers at once, and none when all is here", async () => {
  const scene = new Scene(urlsAt("a.x", "b.x", "c.x", "d.x"));
  const open: Connection[] = [];
  for (const host of ["a.x", "b.x", "c.x"]) open.push(await scene.open(host) as Connection);
  deepStrictEqual(await scene.open("d.x"), "not now");
  open[0]!.close();
  ok(typeof await scene.open("d.x") !== "string");
  for (const connection of open) connection.close();
  for (const piece of [0, 1]) scene.missing.clear(piece);
  deepStrictEqual(await scene.open("a.x"), "not now");
});

Deno.test("WebSeeds remembers fifty servers, the first ones", () => {
  const { seeds } = new Scene(urlsAt(...Array.from({ length: 60 }, (_, nth) => `h${nth}.x`)));
  const known = [0, 49, 50, 59].map((nth) => seeds.has({ host: `h${nth}.x`, port: 80 }));
  deepStrictEqual(known, [true, true, false, false]);
});

Deno.test("WebSeeds remembers twenty URLs of each server", async () => {
  const scene = new Scene(Array.from({ length: 30 }, (_, nth) => `http://a.x/${nth}`));
  scene.web.files.clear();
  await scene.open("a.x");
  const asked = new Set(scene.web.asked.map((line) => line.split(" ")[0]));
  deepStrictEqual([asked.size, asked.has("http://a.x/19"), asked.has("http://a.x/20")], [
    20,
    true,
    false,
  ]);
});

Deno.test("WebSeeds.faults says why servers were of no use, each reason once, ten in all", async () => {
  const scene = new Scene(urlsAt(...Array.from({ length: 12 }, (_, nth) => `h${nth}.x`)));
  deepStrictEqual(scene.seeds.faults, []);
  scene.web.faults.set("http://h0.x/content", { status: 404 });
  scene.web.faults.set("http://h1.x/content", { isGone: true });
  for (const host of ["h1.x", "h0.x", "h1.x"]) await scene.open(host);
  deepStrictEqual(scene.seeds.faults, [
    { server: "h0.x:80", fault: "it has no such file" },
    { server: "h1.x:80", fault: "it is unreachable" },
  ]);
  scene.web.files.clear();
  for (let nth = 2; nth < 12; nth++) await scene.open(`h${nth}.x`);
  deepStrictEqual(scene.seeds.faults.length, 10);
});

Deno.test("WebSeeds takes several URLs of one server for one seed", async () => {
  const urls = ["http://a.x/content", "http://a.x/again", "http://a.x:81/content"];
  const scene = new Scene(urls);
  await scene.lab.clock.run(() => false, 10);
  deepStrictEqual(scene.sighted, ["torrent a.x:80", "torrent a.x:81"]);
  await scene.open("a.x");
  deepStrictEqual(scene.web.asked, ["http://a.x/content bytes=0-0"]);
  await rejects(scene.seeds.open({ host: "a.x", port: 80 }, NEVER), { name: "BugError" });
});
