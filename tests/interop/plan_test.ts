/** `plan` at foreign trackers: it hears whom they know, and none of them lists it afterwards. */
import { deepStrictEqual } from "node:assert/strict";
import { assertExit, Checkout } from "../loopback/checkout.ts";
import { makeTorrent, randomBytes } from "../loopback/content.ts";
import { freePort, Lab } from "../loopback/lab.ts";
import { isMissing } from "./installed.ts";
import { startBittorrentTracker, startOpentracker, urlsOf } from "./trackers.ts";

const LENGTH = 300_000;

for (
  const [name, start, programs] of [
    ["opentracker", startOpentracker, ["opentracker"]],
    ["bittorrent-tracker", startBittorrentTracker, []],
  ] as const
) {
  for (const protocol of ["http", "udp"] as const) {
    Deno.test({
      name: `plan hears of a seed from ${name} over ${protocol}, and leaves nothing of itself`,
      ignore: isMissing(...programs),
      fn: async () => {
        await using lab = await Lab.open();
        const checkout = await Checkout.make(lab);
        const port = freePort();
        const data = randomBytes(LENGTH, 1);
        const tracker = urlsOf(port)[protocol];
        const torrent = makeTorrent("single.bin", data, { pieceLength: 16_384, tracker });
        await Deno.writeFile(checkout.path("x.torrent"), torrent.bytes);
        await Deno.mkdir(checkout.path("data"));
        await Deno.writeFile(checkout.path("data", "single.bin"), data);
        const { seeders } = await start(lab, port, [torrent.infoHash]);
        const where = ["--bind", "127.0.0.1", "--port", `${freePort()}`];
        const seeder = checkout.start("seed", ...where, "x.torrent", "data");
        try {
          await lab.until("a seeder", async () => await seeders(torrent.infoHash) === 1);
          for (const round of ["first", "second"]) {
            const run = await checkout.run("plan", "--json", "-o", "out", "x.torrent");
            assertExit(run, 0, `${round}\n${seeder.log}`);
            const { trackers: [told], peers } = JSON.parse(run.stdout);
            // Not ourselves, whom opentracker names too.
            const counts = [told.seeders, told.leechers, peers.known, peers.seeds];
            deepStrictEqual(counts, [1, 0, 1, 1], round);
          }
        } finally {
          await seeder.stop();
        }
      },
    });
  }
}
