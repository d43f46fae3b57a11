/** Foreign clients that share data which is already there. */
import { freePort, type Lab } from "../loopback/lab.ts";
import { PYTHON } from "./installed.ts";
import type { Namespace } from "./namespaces.ts";
import type { Torrent } from "./torrents.ts";

export interface ClientSettings {
  /** Where it listens; any when left out. */
  readonly port?: number;
  /** What it refuses to do without, both as a client and as a server; its default when left out. */
  readonly encryption?: ForeignEncryption;
  /** Where transmission and libtorrent run; the former never dials an address of loopback. */
  readonly where?: Namespace;
  /** Where libtorrent listens, if not on loopback. */
  readonly address?: string;
  /** They speak uTP as well as TCP. */
  readonly utp?: boolean;
}

/**
 * "rc4": everything is encrypted; "handshake": no more than the handshake; "none": it does not
 * speak MSE.
 */
export type ForeignEncryption = "rc4" | "handshake" | "none";

/** Starts a client that seeds `torrent`; whether it does, its tracker tells. */
export type StartSeeder = (lab: Lab, torrent: Torrent, settings?: ClientSettings) => Promise<void>;

export const SEEDERS: Readonly<Record<string, { program: string; start: StartSeeder }>> = {
  aria2: { program: "aria2c", start: startAria2 },
  transmission: { program: "transmission-daemon", start: startTransmission },
  libtorrent: { program: "python3-libtorrent", start: startLibtorrent },
};

/** It always understands MSE. */
const ARIA2_ENCRYPTION: Partial<Record<ForeignEncryption, readonly string[]>> = {
  rc4: ["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"],
  handshake: ["--bt-require-crypto=true", "--bt-min-crypto-level=plain"],
};

function startAria2(
  lab: Lab,
  torrent: Torrent,
  { port = freePort(), encryption }: ClientSettings = {},
): Promise<void> {
  lab.start("aria2c", [
    "--no-conf",
    `--dir=${torrent.folder}`,
    `--listen-port=${port}`,
    // Without a DHT socket it knows no UDP trackers; an empty table asks nobody anything.
    "--enable-dht=true",
    `--dht-listen-port=${port}`,
    `--dht-file-path=${lab.path(`aria2_${port}.dat`)}`,
    "--enable-dht6=false",
    "--bt-enable-lpd=false",
    "--enable-peer-exchange=false",
    "--seed-ratio=0",
    "--bt-seed-unverified=true",
    "--summary-interval=0",
    ...(encryption && ARIA2_ENCRYPTION[encryption] || []),
    torrent.file,
  ]);
  return Promise.resolve();
}

/** It always understands MSE, and prefers RC4 then; 2 is "required". */
const TRANSMISSION_ENCRYPTION: Partial<Record<ForeignEncryption, number>> = { rc4: 2 };

async function startTransmission(
  lab: Lab,
  torrent: Torrent,
  { port = freePort(), encryption, where, utp = false }: ClientSettings = {},
): Promise<void> {
  const config = await lab.makeFolder(`transmission_${port}`);
  await Deno.writeTextFile(
    `${config}/settings.json`,
    JSON.stringify({
      "dht-enabled": false,
      "download-dir": torrent.folder,
      ...(encryption && { encryption: TRANSMISSION_ENCRYPTION[encryption] }),
      "lpd-enabled": false,
      "peer-port": port,
      "pex-enabled": false,
      "port-forwarding-enabled": false,
      "rpc-enabled": false,
      "start-added-torrents": true,
      "utp-enabled": utp,
      "watch-dir": `${config}/watch`,
      "watch-dir-enabled": true,
    }),
  );
  await Deno.mkdir(`${config}/watch`);
  await Deno.copyFile(torrent.file, `${config}/watch/seeded.torrent`);
  startIn(lab, where, ["transmission-daemon", "--foreground", "--config-dir", config]);
}

function startIn(
  lab: Lab,
  where: Namespace | undefined,
  [program, ...args]: [string, ...string[]],
  env?: Record<string, string>,
): void {
  if (where === undefined) lab.start(program, args, env);
  else lab.start(...where.command(program, ...args), env);
}

const LIBTORRENT_ENCRYPTION: Record<ForeignEncryption, Record<string, number>> = {
  rc4: { in_enc_policy: 0, out_enc_policy: 0, allowed_enc_level: 2 },
  handshake: { in_enc_policy: 0, out_enc_policy: 0, allowed_enc_level: 1 },
  none: { in_enc_policy: 2, out_enc_policy: 2 },
};

function startLibtorrent(
  lab: Lab,
  torrent: Torrent,
  { port = freePort(), encryption, where, address }: ClientSettings = {},
): Promise<void> {
  const program = new URL("./libtorrent_seed.py", import.meta.url).pathname;
  const more = {
    ...(encryption && LIBTORRENT_ENCRYPTION[encryption]),
    ...(address && { listen_interfaces: `${address}:${port}` }),
  };
  startIn(lab, where, [PYTHON, program, `${port}`, "0", torrent.file, torrent.folder], {
    LIBTORRENT_SETTINGS: JSON.stringify(more),
  });
  return Promise.resolve();
}
