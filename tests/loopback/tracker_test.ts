/** Our announcer and our tracker over real sockets. */
import { deepStrictEqual } from "node:assert/strict";
import { TrackerServer } from "../../src/tracker/server.ts";
import { Announcing, clock, infoHash, network, random } from "./announcing.ts";
import { freePort } from "./lab.ts";

function startServer(): TrackerServer {
  return new TrackerServer({ network, clock, random, addresses: ["127.0.0.1", "::1"] });
}

/** What the tracker counts of our torrent: seeders, completions, leechers. */
async function scrape(port: number): Promise<number[]> {
  const query = [...infoHash].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  const response = await fetch(`http://127.0.0.1:${port}/scrape?info_hash=${query}`);
  const text = new TextDecoder("latin1").decode(await response.arrayBuffer());
  return [...text.matchAll(/(?:complete|downloaded)i(\d+)e/g)].map(([, count]) => Number(count));
}

for (const [index, name] of ["HTTP, IPv4", "UDP, IPv4", "HTTP, IPv6", "UDP, IPv6"].entries()) {
  Deno.test(`Announcer and TrackerServer understand each other over ${name}`, async () => {
    const server = startServer();
    const url = server.announceUrls[index]!;
    const host = index < 2 ? "127.0.0.1" : "[::1]";
    const first = new Announcing([url], 7001);
    await first.until(() => first.reports.length === 1);
    const second = new Announcing([url], 7002);
    await second.until(() => second.found.length > 0);
    deepStrictEqual(second.found, [`${host}:7001`]);
    deepStrictEqual(await scrape(server.port), [0, 0, 2]);
    second.numbers = { uploaded: 0, downloaded: 1_000, left: 0 };
    second.announcer.completed();
    await second.until(() => second.reports.length === 2);
    deepStrictEqual(await scrape(server.port), [1, 1, 1]);
    await second.close();
    deepStrictEqual(await scrape(server.port), [0, 1, 1]);
    await first.close();
    deepStrictEqual(await scrape(server.port), [0, 1, 0]);
    await server.close();
  });
}

Deno.test("Announcer finds the one of 86 trackers that lives, on a machine full of dead ones", async () => {
  const server = startServer();
  const silentUdp = network.openDatagram({ address: "127.0.0.1" });
  const silentTcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const failing = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("oops", { status: 500 }),
  );
  const refusingPort = freePort();
  const dead = Array.from({ length: 85 }, (_, number) => {
    const path = `announce?number=${number}`;
    switch (number % 5) {
      case 0:
        return `udp://127.0.0.1:${silentUdp.port}/${path}`;
      case 1:
        return `http://127.0.0.1:${(silentTcp.addr as Deno.NetAddr).port}/${path}`;
      case 2:
        return `http://127.0.0.1:${failing.addr.port}/${path}`;
      case 3:
        return `http://127.0.0.1:${refusingPort}/${path}`;
      default:
        return `udp://127.0.0.1:${refusingPort}/${path}`;
    }
  });
  const other = new Announcing([server.announceUrls[1]!], 7001);
  await other.until(() => other.reports.length === 1);
  const seeking = new Announcing([...dead, server.announceUrls[1]!], 7002);
  await seeking.until(() => seeking.found.length > 0);
  deepStrictEqual(seeking.found, ["127.0.0.1:7001"]);
  await seeking.close();
  deepStrictEqual(await scrape(server.port), [0, 0, 1]);
  await other.close();
  await server.close();
  await failing.shutdown();
  silentTcp.close();
  silentUdp.close();
});
