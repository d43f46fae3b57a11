/** Every foreign seeder behind every foreign tracker, downloaded as a user would. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { assertExit, Checkout } from "../loopback/checkout.ts";
import { describeTree, writeRandomFile } from "../loopback/content.ts";
import { freePort, Lab } from "../loopback/lab.ts";
import { isMissing } from "./installed.ts";
import { SEEDERS } from "./seeders.ts";
import { makeTorrent, withMktorrent, withTracker } from "./torrents.ts";
import {
  type ForeignTracker,
  startBittorrentTracker,
  startOpentracker,
  urlsOf,
} from "./trackers.ts";

interface TrackerCase {
  readonly name: string;
  readonly programs: readonly string[];
  readonly ours: keyof ForeignTracker["urls"];
  /** How the seeder reaches the same tracker, where it does not know our way. */
  readonly theirs: keyof ForeignTracker["urls"];
  start(lab: Lab, port: number, infoHash: Uint8Array): Promise<ForeignTracker>;
}

const opentracker = {
  programs: ["opentracker"],
  start: (lab: Lab, port: number, infoHash: Uint8Array) => startOpentracker(lab, port, [infoHash]),
};
const bittorrentTracker = { programs: [], start: startBittorrentTracker };

const TRACKERS: readonly TrackerCase[] = [
  { ...opentracker, name: "opentracker over HTTP", ours: "http", theirs: "http" },
  { ...opentracker, name: "opentracker over UDP", ours: "udp", theirs: "udp" },
  { ...bittorrentTracker, name: "bittorrent-tracker over HTTP", ours: "http", theirs: "http" },
  { ...bittorrentTracker, name: "bittorrent-tracker over UDP", ours: "udp", theirs: "udp" },
  { ...bittorrentTracker, name: "bittorrent-tracker over IPv6", ours: "http6", theirs: "http6" },
  // aria2 1.36 and transmission 3.00 speak UDP to trackers over IPv4 alone.
  { ...bittorrentTracker, name: "bittorrent-tracker over UDP IPv6", ours: "udp6", theirs: "http6" },
];

for (const tracker of TRACKERS) {
  for (const [seeder, { program, start }] of Object.entries(SEEDERS)) {
    Deno.test({
      name: `get downloads from ${seeder} behind ${tracker.name}`,
      ignore: isMissing("mktorrent", program, ...tracker.programs),
      fn: () => downloadsBehind(tracker, start),
    });
  }
}

async function downloadsBehind(
  tracker: TrackerCase,
  startSeeder: (typeof SEEDERS)[string]["start"],
): Promise<void> {
  await using lab = await Lab.open();
  const checkout = await Checkout.make(lab);
  const folder = await lab.makeFolder("seeded");
  await writeRandomFile(`${folder}/single.bin`, 3_000_001);
  const port = freePort();
  const urls = urlsOf(port);
  const torrent = await makeTorrent(lab, withMktorrent, {
    folder,
    name: "single.bin",
    pieceLength: 65_536,
    tracker: urls[tracker.theirs],
  });
  await withTracker(torrent, urls[tracker.ours], checkout.path("x.torrent"));
  const running = await tracker.start(lab, port, torrent.infoHash);
  await startSeeder(lab, torrent);
  await lab.until("the seeder", async () => await running.seeders(torrent.infoHash) === 1);

  const run = await checkout.run("get", "--json", "-o", "download", "x.torrent");
  assertExit(run, 0, lab.logs());
  deepStrictEqual(
    await describeTree(checkout.path("download", "single.bin")),
    await describeTree(`${folder}/single.bin`),
  );
  ok(run.events("tracker").some((event) => event["ok"] === true));
  deepStrictEqual(run.events("done").length, 1);
}
