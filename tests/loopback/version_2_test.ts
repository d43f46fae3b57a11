/** A torrent of version 2 from starling to starling over real sockets (BEP 52). */
import { deepStrictEqual, ok } from "node:assert/strict";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { version2Torrent } from "../metainfo/version_2_torrent.ts";
import { assertExit, Checkout } from "./checkout.ts";
import * as content from "./content.ts";
import { freePort, Lab } from "./lab.ts";

const PIECE_LENGTH = 16_384;
/** Many pieces, of which hashes come in two messages; one that is short; none. */
const FILES: Readonly<Record<string, Uint8Array>> = {
  "large.bin": content.randomBytes(600 * PIECE_LENGTH + 1, 1),
  "sub/small.bin": content.randomBytes(1_000, 2),
  "zero.bin": new Uint8Array(0),
};

Deno.test("get downloads a magnet of version 2 from seed, and all commands agree on it", async () => {
  await using lab = await Lab.open();
  const checkout = await Checkout.make(lab);
  const bytes = version2Torrent(FILES, { pieceLength: PIECE_LENGTH });
  const { infoHashHex } = parseMetainfo(bytes);
  await Deno.writeFile(checkout.path("x.torrent"), bytes);
  for (const [path, data] of Object.entries(FILES)) {
    await Deno.mkdir(checkout.path("data", "folder", "sub"), { recursive: true });
    await Deno.writeFile(checkout.path("data", "folder", path), data);
  }
  const port = freePort();
  const where = ["--bind", "127.0.0.1"];
  const seeder = checkout.start("seed", ...where, "--port", `${port}`, "x.torrent", "data");
  try {
    await lab.until("seeding", () => seeder.stdout.includes("seeding"));
    const link = `magnet:?xt=urn:btmh:1220${infoHashHex}&x.pe=127.0.0.1:${port}`;
    const args = ["get", "--json", ...where, "-o", "download", link];
    const first = await checkout.run(...args);
    assertExit(first, 0, seeder.log);
    deepStrictEqual(first.events("done")[0]!["infoHash"], infoHashHex);
    deepStrictEqual(
      await content.describeTree(checkout.path("download", "folder")),
      await content.describeTree(checkout.path("data", "folder")),
    );
    // A bare info-hash is known again, and its metadata is kept.
    const second = await checkout.run("get", "--json", "--no-dht", "-o", "download", infoHashHex);
    assertExit(second, 0, seeder.log);
    deepStrictEqual(second.events("metadata")[0]?.["kept"], true);
  } finally {
    await seeder.stop();
  }
  assertExit(await checkout.run("verify", "x.torrent", "download"), 0, "");
  const plan = await checkout.run(
    "plan",
    "--json",
    "--no-dht",
    "--no-lsd",
    "-o",
    "download",
    "x.torrent",
  );
  assertExit(plan, 0, "");
  ok(plan.stdout.includes(infoHashHex), plan.stdout);
  await Deno.writeFile(
    checkout.path("download", "folder", "sub", "small.bin"),
    new Uint8Array(1_000),
  );
  assertExit(await checkout.run("verify", "x.torrent", "download"), 5, "");
});
