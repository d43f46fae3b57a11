/** Foreign clients that share data which is already there. */
import { freePort, type Lab } from "../loopback/lab.ts";
import { PYTHON } from "./installed.ts";
import type { Torrent } from "./torrents.ts";

/** Starts a client that seeds `torrent`; whether it does, its tracker tells. */
export type StartSeeder = (lab: Lab, torrent: Torrent) => Promise<void>;

export const SEEDERS: Readonly<Record<string, { program: string; start: StartSeeder }>> = {
  aria2: { program: "aria2c", start: startAria2 },
  transmission: { program: "transmission-daemon", start: startTransmission },
  libtorrent: { program: "python3-libtorrent", start: startLibtorrent },
};

function startAria2(lab: Lab, torrent: Torrent): Promise<void> {
  const port = freePort();
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
    torrent.file,
  ]);
  return Promise.resolve();
}

async function startTransmission(lab: Lab, torrent: Torrent): Promise<void> {
  const port = freePort();
  const config = await lab.makeFolder(`transmission_${port}`);
  await Deno.writeTextFile(
    `${config}/settings.json`,
    JSON.stringify({
      "dht-enabled": false,
      "download-dir": torrent.folder,
      "lpd-enabled": false,
      "peer-port": port,
      "pex-enabled": false,
      "port-forwarding-enabled": false,
      "rpc-enabled": false,
      "start-added-torrents": true,
      "utp-enabled": false,
      "watch-dir": `${config}/watch`,
      "watch-dir-enabled": true,
    }),
  );
  await Deno.mkdir(`${config}/watch`);
  await Deno.copyFile(torrent.file, `${config}/watch/seeded.torrent`);
  lab.start("transmission-daemon", ["--foreground", "--config-dir", config]);
}

function startLibtorrent(lab: Lab, torrent: Torrent): Promise<void> {
  const program = new URL("./libtorrent_seed.py", import.meta.url).pathname;
  lab.start(PYTHON, [program, `${freePort()}`, "0", torrent.file, torrent.folder]);
  return Promise.resolve();
}
