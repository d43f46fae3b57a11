/**
 * The npm package `bittorrent-tracker` as a tracker for our announcer. Its client cannot be run
 * against our tracker: it needs an addon of WebRTC that Deno does not load.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import { once } from "node:events";
import Server from "bittorrent-tracker/server";
import { Announcing } from "./announcing.ts";

/** Its tracker on a free port, and addresses to announce to. */
async function startForeign() {
  const server = new Server({ http: true, udp: true, ws: false, stats: false, interval: 600_000 });
  const events: string[] = [];
  for (const event of ["start", "complete", "update", "stop"]) {
    server.on(event, (address: string) => events.push(`${event} ${address}`));
  }
  // It takes one port for all only when that is named: HTTP, UDP over IPv4, UDP over IPv6.
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr as Deno.NetAddr;
  probe.close();
  server.listen(port, { http: "::", udp: "127.0.0.1", udp6: "::1" });
  await once(server, "listening");
  return {
    events,
    urls: {
      "HTTP over IPv4": `http://127.0.0.1:${port}/announce`,
      "HTTP over IPv6": `http://[::1]:${port}/announce`,
      "UDP over IPv4": `udp://127.0.0.1:${port}`,
      "UDP over IPv6": `udp://[::1]:${port}`,
    },
    close: () => new Promise<void>((resolve) => server.close(resolve)),
  };
}

Deno.test("Announcer works with the tracker of bittorrent-tracker", async () => {
  const foreign = await startForeign();
  for (const [name, url] of Object.entries(foreign.urls)) {
    foreign.events.length = 0;
    const host = name.endsWith("IPv6") ? "[::1]" : "127.0.0.1";
    const first = new Announcing([url], 7001);
    await first.until(() => first.reports.length === 1);
    ok(first.reports[0]?.ok, `${name}: ${first.reports[0]?.failure}`);
    const second = new Announcing([url], 7002);
    await second.until(() => second.reports.length === 1);
    // Over UDP it sends IPv4 peers alone, to IPv6 clients none.
    if (name !== "UDP over IPv6") {
      await second.until(() => second.found.length > 0);
      ok(second.found.includes(`${host}:7001`), name);
    }
    second.numbers = { uploaded: 0, downloaded: 1_000, left: 0 };
    second.announcer.completed();
    await second.close();
    await first.close();
    // Over UDP it writes IPv6 addresses without brackets.
    const place = name.startsWith("UDP") ? host.replace(/[[\]]/g, "") : host;
    deepStrictEqual(foreign.events, [
      `start ${place}:7001`,
      `start ${place}:7002`,
      `complete ${place}:7002`,
      `stop ${place}:7002`,
      `stop ${place}:7001`,
    ]);
  }
  await foreign.close();
});
