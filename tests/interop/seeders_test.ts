/** Every foreign seeder behind every foreign tracker, downloaded as a user would. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { assertExit, Checkout } from "../loopback/checkout.ts";
import * as content from "../loopback/content.ts";
import { freePort, Lab } from "../loopback/lab.ts";
import { ScriptedSeeder } from "../loopback/scripted_seeder.ts";
import { isMissing } from "./installed.ts";
import { SEEDERS } from "./seeders.ts";
import { makeTorrent, withMktorrent } from "./torrents.ts";
import {
  type ForeignTracker,
  startBittorrentTracker,
  startOpentracker,
  urlsOf,
} from "./trackers.ts";

interface TrackerCase {
  readonly name: string;
  readonly programs: readonly string[];
  readonly url: keyof ForeignTracker["urls"];
  start(lab: Lab, port: number, infoHash: Uint8Array): Promise<ForeignTracker>;
}

const opentracker = {
  programs: ["opentracker"],
  start: (lab: Lab, port: number, infoHash: Uint8Array) => startOpentracker(lab, port, [infoHash]),
};
const bittorrentTracker = { programs: [], start: startBittorrentTracker };

const TRACKERS: readonly TrackerCase[] = [
  { ...opentracker, name: "opentracker over HTTP", url: "http" },
  { ...opentracker, name: "opentracker over UDP", url: "udp" },
  { ...bittorrentTracker, name: "bittorrent-tracker over HTTP", url: "http" },
  { ...bittorrentTracker, name: "bittorrent-tracker over UDP", url: "udp" },
  { ...bittorrentTracker, name: "bittorrent-tracker over IPv6", url: "http6" },
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
  await content.writeRandomFile(`${folder}/single.bin`, 3_000_001);
  const port = freePort();
  const torrent = await makeTorrent(lab, withMktorrent, {
    folder,
    name: "single.bin",
    pieceLength: 65_536,
    tracker: urlsOf(port)[tracker.url],
  });
  await Deno.copyFile(torrent.file, checkout.path("x.torrent"));
  const running = await tracker.start(lab, port, torrent.infoHash);
  await startSeeder(lab, torrent);
  await lab.until("the seeder", async () => await running.seeders(torrent.infoHash) === 1);

  const run = await checkout.run("get", "--json", "-o", "download", "x.torrent");
  assertExit(run, 0, lab.logs());
  deepStrictEqual(
    await content.describeTree(checkout.path("download", "single.bin")),
    await content.describeTree(`${folder}/single.bin`),
  );
  ok(run.events("tracker").some((event) => event["ok"] === true));
  deepStrictEqual(run.events("done").length, 1);
}

Deno.test("get announces to bittorrent-tracker over UDP IPv6, and is known there", async () => {
  // This tracker answers such announces without the IPv6 peers that it knows, so one is named.
  await using lab = await Lab.open();
  const checkout = await Checkout.make(lab);
  const port = freePort();
  const tracker = await startBittorrentTracker(lab, port);
  const torrent = content.makeTorrent("single.bin", content.randomBytes(3_000_001, 1), {
    pieceLength: 65_536,
    tracker: tracker.urls.udp6,
  });
  await Deno.writeFile(checkout.path("x.torrent"), torrent.bytes);
  await using seeder = new ScriptedSeeder({ ...torrent, uploadRate: 3_000_000 });

  const options = ["--json", "-o", "download", "--peer", seeder.endpoint];
  const run = await checkout.run("get", ...options, "x.torrent");
  assertExit(run, 0, lab.logs());
  ok(run.events("tracker").every((event) => event["ok"] === true), run.stdout);
  const said = lab.logs();
  for (const event of ["start", "complete", "stop"]) ok(said.includes(`${event} ::1:`), said);
});
