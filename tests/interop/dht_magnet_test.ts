/** Magnets whose only source is a DHT of libtorrent's nodes: first unknown, then remembered. */
import { deepStrictEqual } from "node:assert/strict";
import { assertExit, Checkout } from "../loopback/checkout.ts";
import * as content from "../loopback/content.ts";
import { freePort, Lab } from "../loopback/lab.ts";
import { DHTS } from "./dht_nodes.ts";
import { isMissing } from "./installed.ts";

const LENGTH = 2_000_001;
const HERE = ["--bind", "127.0.0.1"];

Deno.test({
  name: "get downloads a magnet that only the DHT knows, and then needs no bootstrap",
  ignore: isMissing("python3-libtorrent"),
}, async () => {
  await using lab = await Lab.open();
  const checkout = await Checkout.make(lab);
  const data = content.randomBytes(LENGTH, 5);
  const torrent = content.makeTorrent("single.bin", data, { pieceLength: 16_384 });
  await Deno.mkdir(checkout.path("data"));
  await Deno.writeFile(checkout.path("data", "single.bin"), data);
  await Deno.writeFile(checkout.path("x.torrent"), torrent.bytes);
  const dht = await DHTS["libtorrent"]!.start(lab, "find", torrent.infoHash);
  const port = freePort();
  const where = [...HERE, "--port", `${port}`, `--dht-bootstrap=${dht.nodes[0]}`];
  const seeder = checkout.start("seed", ...where, "x.torrent", "data");
  try {
    const isAnnounced = () => dht.process.stdout.includes(`found 127.0.0.1:${port}\n`);
    await lab.until("our seed in the DHT", isAnnounced);
    const link = `magnet:?xt=urn:btih:${torrent.infoHash.toHex()}`;
    const deadNode = `127.0.0.1:${freePort()}`;
    for (const [folder, node] of [["first", dht.nodes[1]!], ["second", deadNode]] as const) {
      if (folder === "second") await rememberTable(checkout, "first", folder);
      const run = await checkout.run(
        // Each at a port of its own: the seed would dial a port that it has heard of before.
        ...["get", "--json", ...HERE, "--port", `${freePort()}`, "--no-pex"],
        ...[`--dht-bootstrap=${node}`, "-o", folder, link],
      );
      assertExit(run, 0, seeder.log);
      deepStrictEqual(
        await content.describeTree(checkout.path(folder, "single.bin")),
        await content.describeTree(checkout.path("data", "single.bin")),
      );
    }
  } finally {
    await seeder.stop();
  }
});

/** What one run knew of the DHT, and nothing else, is there for a run into another folder. */
async function rememberTable(checkout: Checkout, from: string, to: string): Promise<void> {
  await Deno.mkdir(checkout.path(to, ".starling"), { recursive: true });
  await Deno.copyFile(
    checkout.path(from, ".starling", "dht"),
    checkout.path(to, ".starling", "dht"),
  );
}
