/** Small DHTs of foreign nodes on loopback, one of which announces or looks for a torrent. */
import { freePort, type Lab, type Subprocess } from "../loopback/lab.ts";
import { PYTHON } from "./installed.ts";

/** Enough for a first run, which downloads packages. */
const READY_TIMEOUT_MS = 300_000;
const NODES = 5;

/** Foreign nodes in one process. */
export interface ForeignDht {
  readonly process: Subprocess;
  /** `host:port` of each node; the first is known to all others. */
  readonly nodes: readonly string[];
  /** Where the peer is that one of them announces. */
  readonly peer: string;
}

/** What its one busy node does. */
export type DhtRole = "announce" | "find";

/** Starts nodes that know `bootstrap`, or else each other. */
export type StartDht = (
  lab: Lab,
  role: DhtRole,
  infoHash: Uint8Array,
  bootstrap?: string,
) => Promise<ForeignDht>;

export const DHTS: Readonly<Record<string, { program: string; start: StartDht }>> = {
  libtorrent: { program: "python3-libtorrent", start: startLibtorrent },
  "bittorrent-dht": { program: "sh", start: startBittorrentDht },
};

async function startLibtorrent(
  lab: Lab,
  role: DhtRole,
  infoHash: Uint8Array,
  bootstrap?: string,
): Promise<ForeignDht> {
  const program = new URL("./libtorrent_dht.py", import.meta.url).pathname;
  const nodes = chooseNodes();
  const args = [nodes.join(","), bootstrap ?? nodes[0]!, role, infoHash.toHex()];
  const process = lab.start(PYTHON, [program, ...args]);
  // It announces the port that it listens on.
  const dht = { process, nodes, peer: nodes[0]! };
  await lab.until("libtorrent's nodes", () => /^nodes [1-9]/m.test(process.stdout));
  return dht;
}

/**
 * Runs under Deno, outside of this project's lock. Not its first node: one without a bootstrap
 * announces nothing.
 */
const BITTORRENT_DHT = `
import DHT from "npm:bittorrent-dht@11.0.12";
const [hosts, bootstrap, role, infoHash, peerPort] = Deno.args;
const nodes = hosts.split(",").map((where) => {
  const dht = new DHT({ bootstrap: where === bootstrap ? false : [bootstrap] });
  const [host, port] = where.split(":");
  dht.listen(Number(port), host);
  return dht;
});
const told = new Set();
nodes[1].on("peer", ({ host, port }) => {
  if (!told.has(host + port)) console.log("found " + host + ":" + port);
  told.add(host + port);
});
setInterval(() => {
  if (role === "find") nodes[1].lookup(infoHash, () => {});
  else nodes[1].announce(infoHash, Number(peerPort), (error) => error || console.log("announced"));
  console.log("nodes", ...nodes.map((node) => node.nodes.count()));
}, 500);
`;

async function startBittorrentDht(
  lab: Lab,
  role: DhtRole,
  infoHash: Uint8Array,
  bootstrap?: string,
): Promise<ForeignDht> {
  const nodes = chooseNodes(), port = freePort();
  const program = lab.path("bittorrent_dht.js");
  await Deno.writeTextFile(program, BITTORRENT_DHT);
  const options = ["run", "--no-prompt", "--no-config", "--no-lock", "-A", program];
  const args = [nodes.join(","), bootstrap ?? nodes[0]!, role, infoHash.toHex(), `${port}`];
  const process = lab.start(Deno.execPath(), [...options, ...args]);
  const isReady = () => /^nodes \d+ [1-9]/m.test(process.stdout);
  await lab.until("bittorrent-dht's nodes", isReady, READY_TIMEOUT_MS);
  return { process, nodes, peer: `127.0.0.1:${port}` };
}

function chooseNodes(): string[] {
  return Array.from({ length: NODES }, () => `127.0.0.1:${freePort()}`);
}
