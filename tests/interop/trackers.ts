/** Foreign trackers, each on a free port of loopback. */
import type { Lab } from "../loopback/lab.ts";

/** Enough for a first run, which downloads packages. */
const READY_TIMEOUT_MS = 300_000;

export interface ForeignTracker {
  /** Announce addresses by how they are reached. */
  readonly urls: Readonly<Record<"http" | "udp" | "http6" | "udp6", string>>;
  /** How many seeders it knows. */
  seeders(infoHash: Uint8Array): Promise<number>;
}

/**
 * Debian's opentracker: HTTP and UDP, IPv4. It is built to serve listed torrents only, so the
 * torrents must be known before it starts: `port` first, torrents that name it, then the tracker.
 */
export async function startOpentracker(
  lab: Lab,
  port: number,
  infoHashes: readonly Uint8Array[],
): Promise<ForeignTracker> {
  // As root it enters this folder as its root and becomes "nobody".
  const folder = await lab.makeFolder(`opentracker_${port}`);
  await Deno.writeTextFile(
    `${folder}/whitelist.txt`,
    infoHashes.map((hash) => hash.toHex() + "\n").join(""),
  );
  const args = ["-i", "127.0.0.1", "-p", `${port}`, "-P", `${port}`, "-d", folder];
  lab.start("opentracker", [...args, "-w", "whitelist.txt"], { PWD: folder });
  return await ready(lab, "opentracker", port);
}

/**
 * Runs under Deno, but outside of this project's lock: whoever runs `main.ts` would otherwise
 * download its eighty packages.
 */
const BITTORRENT_TRACKER = `
import Server from "npm:bittorrent-tracker@11.2.3/server";
const server = new Server({ http: true, udp: true, ws: false, stats: false });
for (const event of ["error", "warning", "start", "complete", "stop"]) {
  server.on(event, (what) => console.log(event, String(what)));
}
const hosts = { http: "::", udp4: "127.0.0.1", udp6: "::1" };
server.listen(Number(Deno.args[0]), hosts, () => console.log("listening"));
`;

/** The npm package `bittorrent-tracker`: HTTP and UDP, IPv4 and IPv6, on one port. */
export async function startBittorrentTracker(lab: Lab, port: number): Promise<ForeignTracker> {
  const program = lab.path("bittorrent_tracker.js");
  await Deno.writeTextFile(program, BITTORRENT_TRACKER);
  const options = ["--no-prompt", "--no-config", "--no-lock", "-A"];
  lab.start(Deno.execPath(), ["run", ...options, program, `${port}`]);
  return await ready(lab, "bittorrent-tracker", port);
}

async function ready(lab: Lab, name: string, port: number): Promise<ForeignTracker> {
  const tracker = {
    urls: urlsOf(port),
    seeders: (infoHash: Uint8Array) => scrapeComplete(port, infoHash),
  };
  const isAnswering = async () => await tracker.seeders(new Uint8Array(20)) >= 0;
  await lab.until(`${name} answering`, isAnswering, READY_TIMEOUT_MS);
  return tracker;
}

/** Announce addresses of a tracker on `port`, before it runs. */
export function urlsOf(port: number): ForeignTracker["urls"] {
  return {
    http: `http://127.0.0.1:${port}/announce`,
    udp: `udp://127.0.0.1:${port}/announce`,
    http6: `http://[::1]:${port}/announce`,
    udp6: `udp://[::1]:${port}/announce`,
  };
}

/** Seeders by the tracker's own scrape; 0 when it does not know the torrent, -1 when it is mute. */
async function scrapeComplete(port: number, infoHash: Uint8Array): Promise<number> {
  const query = [...infoHash].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  try {
    const response = await fetch(`http://127.0.0.1:${port}/scrape?info_hash=${query}`);
    return Number(/8:completei(\d+)e/.exec(await response.text())?.[1] ?? 0);
  } catch {
    return -1;
  }
}
