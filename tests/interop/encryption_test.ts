/** Foreign clients that insist on encryption, and one that has none; who dials is decided. */
import { deepStrictEqual } from "node:assert/strict";
import type { EncryptionMode } from "../../src/wire/mse.ts";
import { assertExit, Checkout } from "../loopback/checkout.ts";
import * as content from "../loopback/content.ts";
import { freePort, Lab, Subprocess } from "../loopback/lab.ts";
import { isMissing } from "./installed.ts";
import { isWithoutNamespaces, Namespace } from "./namespaces.ts";
import { type ForeignEncryption, SEEDERS } from "./seeders.ts";
import { makeTorrent, withMktorrent } from "./torrents.ts";

const NAME = "single.bin";
const LENGTH = 3_000_001;
const DOWNLOAD_TIMEOUT_MS = 300_000;
/** Nobody is asked but the one peer, or the one tracker. */
const ALONE = ["--no-dht", "--no-lsd", "--no-pex", "--no-port-map"];

const LOOPBACK = "127.0.0.1";
/** In a network of its own. */
const ELSEWHERE = "10.77.0.1";
const LEAST_FLAGS = ["--no-prompt", "--allow-net", "--allow-read=.", "--allow-write=."];

const CASES: readonly (readonly [client: string, theirs: ForeignEncryption, EncryptionMode])[] = [
  ["libtorrent", "rc4", "prefer"],
  ["libtorrent", "rc4", "require"],
  ["libtorrent", "handshake", "prefer"],
  ["libtorrent", "none", "prefer"],
  ["libtorrent", "none", "off"],
  ["transmission", "rc4", "prefer"],
  ["transmission", "rc4", "require"],
  ["aria2", "rc4", "prefer"],
  ["aria2", "rc4", "require"],
  ["aria2", "handshake", "prefer"],
];

for (const [client, theirs, ours] of CASES) {
  const { program } = SEEDERS[client]!;
  const what = theirs === "none" ? "speaks no MSE" : `requires ${theirs} encryption`;
  Deno.test({
    name: `get --encryption ${ours} dials ${client}, which ${what}, and downloads`,
    ignore: isMissing("mktorrent", program),
    fn: () => weDial(client, theirs, ours),
  });
  Deno.test({
    name: `seed --encryption ${ours} is dialled by ${client}, which ${what}, and uploads`,
    ignore: isMissing("mktorrent", program) || isShyOfLoopback(client) && isWithoutNamespaces(),
    fn: () => theyDial(client, theirs, ours),
  });
}

/** Transmission takes an address of loopback for a mistake, and dials none. */
function isShyOfLoopback(client: string): boolean {
  return client === "transmission";
}

async function makeSeeded(lab: Lab, checkout: Checkout, tracker: string) {
  const folder = checkout.path("seeded");
  await content.writeRandomFile(`${folder}/${NAME}`, LENGTH);
  const options = { folder, name: NAME, pieceLength: 65_536, tracker };
  const torrent = await makeTorrent(lab, withMktorrent, options);
  await Deno.copyFile(torrent.file, checkout.path("x.torrent"));
  return torrent;
}

async function weDial(
  client: string,
  encryption: ForeignEncryption,
  ours: EncryptionMode,
): Promise<void> {
  await using lab = await Lab.open();
  const checkout = await Checkout.make(lab);
  const port = freePort();
  // Nobody listens where its tracker should be.
  const torrent = await makeSeeded(lab, checkout, `http://${LOOPBACK}:${freePort()}/announce`);
  await SEEDERS[client]!.start(lab, torrent, { port, encryption });
  await lab.until(`${client} listens`, () => isListening(port));

  const peer = ["--no-tracker", "--peer", `${LOOPBACK}:${port}`];
  const options = ["--json", "--encryption", ours, ...ALONE, ...peer];
  const run = await checkout.run("get", ...options, "-o", "download", "x.torrent");
  assertExit(run, 0, lab.logs());
  deepStrictEqual(
    await content.describeTree(checkout.path("download", NAME)),
    await content.describeTree(`${torrent.folder}/${NAME}`),
  );
}

/** It learns of us by a tracker that does not know it when we ask. */
async function theyDial(
  client: string,
  encryption: ForeignEncryption,
  ours: EncryptionMode,
): Promise<void> {
  await using lab = await Lab.open();
  const checkout = await Checkout.make(lab);
  if (!isShyOfLoopback(client)) {
    return await theyDialAt(LOOPBACK, { lab, checkout, client, encryption, ours });
  }
  await using where = await Namespace.make(lab);
  await where.ip("addr", "add", `${ELSEWHERE}/24`, "dev", "lo");
  try {
    await theyDialAt(ELSEWHERE, { lab, checkout, client, encryption, ours, where });
  } finally {
    // The network goes only when nobody is in it.
    await lab.stopAll();
  }
}

interface Meeting {
  readonly lab: Lab;
  readonly checkout: Checkout;
  readonly client: string;
  readonly encryption: ForeignEncryption;
  readonly ours: EncryptionMode;
  readonly where?: Namespace;
}

async function theyDialAt(address: string, meeting: Meeting): Promise<void> {
  const { lab, checkout, client, encryption, ours, where } = meeting;
  const port = freePort();
  const torrent = await makeSeeded(lab, checkout, `http://${address}:${port}/announce`);
  const bind = ["--bind", address];
  const tracker = start(checkout, where, ["tracker", ...bind, "--port", `${port}`]);
  const options = ["--json", "--encryption", ours, ...ALONE, ...bind];
  const seed = start(checkout, where, ["seed", ...options, "x.torrent", "seeded"]);
  try {
    await lab.until("the seed announced", () => seed.stdout.includes('"ok":true'));
    const folder = await lab.makeFolder("download");
    const settings = { encryption, ...(where && { where }) };
    await SEEDERS[client]!.start(lab, { ...torrent, folder }, settings);
    const wanted = JSON.stringify(await content.describeTree(`${torrent.folder}/${NAME}`));
    await lab.until("all data", async () => {
      const found = await content.describeTree(`${folder}/${NAME}`).catch(() => []);
      return JSON.stringify(found) === wanted;
    }, DOWNLOAD_TIMEOUT_MS);
  } finally {
    await Promise.all([seed.stop(), tracker.stop()]);
  }
}

function start(checkout: Checkout, where: Namespace | undefined, args: string[]): Subprocess {
  if (where === undefined) return checkout.start(...args);
  const command = where.command(Deno.execPath(), "run", ...LEAST_FLAGS, "main.ts", ...args);
  return new Subprocess(...command, { cwd: checkout.folder, env: { NO_COLOR: "1" } });
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
