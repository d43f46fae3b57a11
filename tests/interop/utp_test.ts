/**
 * uTP (BEP 29) with foreign clients, in networks where no peer gets through by TCP; and peers
 * behind firewalls that one in between brings together (BEP 55).
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import { assertExit, Checkout, finished, onThisMachine } from "../loopback/checkout.ts";
import * as content from "../loopback/content.ts";
import { Lab, Subprocess } from "../loopback/lab.ts";
import { isMissing, PYTHON } from "./installed.ts";
import { isWithoutNamespaces, Namespace } from "./namespaces.ts";
import { SEEDERS } from "./seeders.ts";
import { makeTorrent, type Torrent, withMktorrent } from "./torrents.ts";

const NAME = "single.bin";
const LENGTH = 8_000_001;
const TRACKER_PORT = 7000, FOREIGN_PORT = 7001, OUR_PORT = 7002;
/** Transmission dials no address of loopback. */
const ELSEWHERE = "10.66.0.1";
/** Nobody is there. */
const NO_TRACKER = "http://127.0.0.1:1/announce";
const DOWNLOAD_TIMEOUT_MS = 300_000;
const LEAST_FLAGS = ["--no-prompt", "--allow-net", "--allow-read=.", "--allow-write=."];
/** Nothing but uTP. */
const NO_PEER_BY_TCP = `
  table inet filter {
    chain arriving {
      type filter hook input priority 0; policy accept;
      meta l4proto tcp drop
    }
  }`;

/** A tracker is there besides, and we begin nothing: who uses uTP with us has dialled us. */
const ONLY_THEY_DIAL = `
  table inet filter {
    chain arriving {
      type filter hook input priority 0; policy accept;
      tcp dport ${TRACKER_PORT} accept
      tcp sport ${TRACKER_PORT} accept
      meta l4proto tcp drop
    }
    chain leaving {
      type filter hook output priority 0; policy accept;
      udp sport ${OUR_PORT} ct state new drop
    }
  }`;

/** Nothing gets in but what belongs to something that went out. */
const NOBODY_GETS_IN = `
  table inet filter {
    chain arriving {
      type filter hook input priority 0; policy drop;
      iif lo accept
      ct state established,related accept
      meta l4proto icmp accept
    }
  }`;
const ANYBODY = "table inet filter {}";
/** A router that drops what is too long, and says so to nobody. */
const NOTHING_IS_SAID = `
  table inet filter {
    chain leaving {
      type filter hook output priority 0; policy accept;
      meta l4proto icmp drop
    }
  }`;

/** As /proc/net names it. */
function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}

/** Hosts, and starling in each of them, that end with the room. */
class Room implements AsyncDisposable {
  readonly lab: Lab;
  readonly checkout: Checkout;
  readonly #hosts: Namespace[] = [];
  readonly #processes: Subprocess[] = [];

  private constructor(lab: Lab, checkout: Checkout) {
    this.lab = lab;
    this.checkout = checkout;
  }

  static async open(): Promise<Room> {
    const lab = await Lab.open();
    return new Room(lab, await Checkout.make(lab));
  }

  async addHost(rules: string): Promise<Namespace> {
    const host = await Namespace.make(this.lab);
    this.#hosts.push(host);
    const file = this.lab.path(`${host.name}.nft`);
    await Deno.writeTextFile(file, rules);
    await this.lab.run(...host.command("nft", "-f", file));
    return host;
  }

  /** `hub` brings packets from one to the other: from 10.66.0.2 on the left to 10.66.1.2. */
  async join(hub: Namespace, left: Namespace, right: Namespace): Promise<void> {
    for (const [index, [side, cable]] of ([[left, "left"], [right, "right"]] as const).entries()) {
      await hub.connect(side, cable);
      await hub.ip("addr", "add", `10.66.${index}.1/24`, "dev", cable);
      await side.ip("addr", "add", `10.66.${index}.2/24`, "dev", cable);
      await side.ip("route", "add", "default", "via", `10.66.${index}.1`);
    }
    await this.lab.run(...hub.command("sysctl", "-qw", "net.ipv4.ip_forward=1"));
  }

  async seededTorrent(tracker: string): Promise<Torrent> {
    const folder = this.checkout.path("seeded");
    await content.writeRandomFile(`${folder}/${NAME}`, LENGTH);
    const options = { folder, name: NAME, pieceLength: 65_536, tracker };
    const torrent = await makeTorrent(this.lab, withMktorrent, options);
    await Deno.copyFile(torrent.file, this.checkout.path("x.torrent"));
    return torrent;
  }

  starling(host: Namespace, ...args: string[]): Subprocess {
    const words = onThisMachine(args);
    const command = host.command(Deno.execPath(), "run", ...LEAST_FLAGS, "main.ts", ...words);
    const env = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
    const process = new Subprocess(...command, { cwd: this.checkout.folder, env });
    this.#processes.push(process);
    return process;
  }

  /** libtorrent, which knows one peer, hears of no other by PEX, and dials by uTP. */
  libtorrent(host: Namespace, address: string, torrent: Torrent, peer: [string, string]): void {
    const program = new URL("./libtorrent_peer.py", import.meta.url).pathname;
    const options = [address, `${FOREIGN_PORT}`, "0", "0", "8", torrent.file, torrent.folder];
    const settings = {
      enable_incoming_utp: true,
      enable_outgoing_utp: true,
      enable_outgoing_tcp: false,
    };
    this.lab.start(...host.command(PYTHON, program, ...options, ...peer), {
      LIBTORRENT_SETTINGS: JSON.stringify(settings),
    });
  }

  /**
   * Waits until our port on the host is open. Of one that refuses uTP, transmission thinks that it
   * never takes it; libtorrent tries again two minutes later.
   */
  async takesUtp(host: Namespace): Promise<void> {
    const sockets = host.command("cat", "/proc/net/udp", "/proc/net/udp6");
    const isOpen = async () => (await this.lab.run(...sockets)).includes(`:${hexPort(OUR_PORT)} `);
    await this.lab.until("our port takes uTP", isOpen);
  }

  async hasAll(folder: string): Promise<boolean> {
    const found = await content.describeTree(`${folder}/${NAME}`).catch(() => []);
    const wanted = await content.describeTree(this.checkout.path("seeded", NAME));
    return JSON.stringify(found) === JSON.stringify(wanted);
  }

  async assertDownloaded(process: Subprocess, folder: string): Promise<void> {
    assertExit(await finished(process), 0, this.lab.logs());
    ok(await this.hasAll(this.checkout.path(folder)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.lab.stopAll();
    // A network goes only when nobody is in it.
    for (const host of this.#hosts) await host[Symbol.asyncDispose]();
    await this.lab[Symbol.asyncDispose]();
  }
}

const isWithoutLibtorrent = isMissing("mktorrent", "python3-libtorrent") || isWithoutNamespaces();
const SPEAKERS = ["libtorrent", "transmission"] as const;

for (const name of SPEAKERS) {
  const { program, start } = SEEDERS[name]!;
  const ignore = isMissing("mktorrent", program) || isWithoutNamespaces();
  const settings = { port: FOREIGN_PORT, utp: true };
  const peer = ["--peer", `127.0.0.1:${FOREIGN_PORT}`];

  Deno.test({
    name: `get downloads from ${name} by uTP when no peer gets through by TCP`,
    ignore,
    fn: async () => {
      await using room = await Room.open();
      const where = await room.addHost(NO_PEER_BY_TCP);
      const torrent = await room.seededTorrent(NO_TRACKER);
      await start(room.lab, torrent, { ...settings, where });
      const get = room.starling(where, "get", "--no-tracker", ...peer, "-o", "got", "x.torrent");
      await room.assertDownloaded(get, "got");
    },
  });

  Deno.test({
    name: `seed serves ${name} by uTP when no peer gets through by TCP`,
    ignore,
    fn: async () => {
      await using room = await Room.open();
      const where = await room.addHost(NO_PEER_BY_TCP);
      const torrent = await room.seededTorrent(NO_TRACKER);
      const folder = await room.lab.makeFolder("download");
      await start(room.lab, { ...torrent, folder }, { ...settings, where });
      room.starling(where, "seed", "--no-tracker", ...peer, "x.torrent", "seeded");
      await room.lab.until("all data", () => room.hasAll(folder), DOWNLOAD_TIMEOUT_MS);
    },
  });
}

Deno.test({
  name: "seed serves libtorrent that comes by uTP",
  ignore: isWithoutLibtorrent,
  fn: async () => {
    await using room = await Room.open();
    const where = await room.addHost(NO_PEER_BY_TCP);
    const torrent = await room.seededTorrent(NO_TRACKER);
    const folder = await room.lab.makeFolder("download");
    const port = ["-p", `${OUR_PORT}`];
    const options = ["--json", "--no-tracker", ...port];
    const seed = room.starling(where, "seed", ...options, "x.torrent", "seeded");
    await room.lab.until("the seed", () => seed.stdout.includes('"seeding"'));
    room.libtorrent(where, "127.0.0.1", { ...torrent, folder }, ["127.0.0.1", `${OUR_PORT}`]);
    await room.lab.until("all data", () => room.hasAll(folder), DOWNLOAD_TIMEOUT_MS);
  },
});

Deno.test({
  name: "seed serves transmission that comes by uTP",
  ignore: isMissing("mktorrent", "transmission-daemon") || isWithoutNamespaces(),
  fn: async () => {
    await using room = await Room.open();
    const where = await room.addHost(ONLY_THEY_DIAL);
    await where.ip("addr", "add", `${ELSEWHERE}/24`, "dev", "lo");
    const torrent = await room.seededTorrent(`http://${ELSEWHERE}:${TRACKER_PORT}/announce`);
    const folder = await room.lab.makeFolder("download");
    const bind = ["--bind", ELSEWHERE];
    room.starling(where, "tracker", ...bind, "--port", `${TRACKER_PORT}`);
    const options = ["--json", ...bind, "-p", `${OUR_PORT}`];
    const seed = room.starling(where, "seed", ...options, "x.torrent", "seeded");
    await room.lab.until("the seed announced", () => seed.stdout.includes('"ok":true'));
    await room.takesUtp(where);
    const settings = { port: FOREIGN_PORT, utp: true, where };
    await SEEDERS["transmission"]!.start(room.lab, { ...torrent, folder }, settings);
    await room.lab.until("all data", () => room.hasAll(folder), DOWNLOAD_TIMEOUT_MS);
  },
});

Deno.test({
  name: "seed serves libtorrent over a way of 1280 bytes that says nothing of what it drops",
  ignore: isWithoutLibtorrent,
  fn: async () => {
    await using room = await Room.open();
    const way = await room.addHost(NOTHING_IS_SAID);
    const [left, right] = [await room.addHost(NO_PEER_BY_TCP), await room.addHost(ANYBODY)];
    await room.join(way, left, right);
    await way.ip("link", "set", "right", "mtu", "1280");
    const torrent = await room.seededTorrent(NO_TRACKER);
    const folder = await room.lab.makeFolder("download");
    const options = ["--json", "--no-tracker", "-p", `${OUR_PORT}`];
    const seed = room.starling(left, "seed", ...options, "x.torrent", "seeded");
    await room.lab.until("the seed", () => seed.stdout.includes('"seeding"'));
    const peer: [string, string] = ["10.66.0.2", `${OUR_PORT}`];
    room.libtorrent(right, "10.66.1.2", { ...torrent, folder }, peer);
    await room.lab.until("all data", () => room.hasAll(folder), DOWNLOAD_TIMEOUT_MS);
  },
});

Deno.test({
  name: "get --no-utp reaches nobody when no peer gets through by TCP",
  ignore: isWithoutLibtorrent,
  fn: async () => {
    await using room = await Room.open();
    const where = await room.addHost(NO_PEER_BY_TCP);
    const torrent = await room.seededTorrent(NO_TRACKER);
    await SEEDERS["libtorrent"]!.start(room.lab, torrent, { port: FOREIGN_PORT, where });
    const peer = ["--peer", `127.0.0.1:${FOREIGN_PORT}`, "--no-tracker", "--stall", "5s"];
    const get = room.starling(where, "get", "--no-utp", "-o", "got", ...peer, "x.torrent");
    deepStrictEqual((await finished(get)).code, 13, get.log);
  },
});

Deno.test({
  name:
    "get behind a firewall gets from libtorrent behind another, whom a third one brings together",
  ignore: isWithoutLibtorrent,
  fn: async () => {
    await using room = await Room.open();
    const hub = await room.addHost(ANYBODY);
    const [left, right] = [await room.addHost(NOBODY_GETS_IN), await room.addHost(NOBODY_GETS_IN)];
    await room.join(hub, left, right);
    const torrent = await room.seededTorrent(NO_TRACKER);
    const slowly = ["-p", `${OUR_PORT}`, "--max-download-rate", "50K", "--max-uploads", "0"];
    const relay = room.starling(hub, "get", "--json", ...slowly, "-o", "hub", "x.torrent");
    await room.takesUtp(hub);
    room.libtorrent(left, "10.66.0.2", torrent, ["10.66.0.1", `${OUR_PORT}`]);
    await room.lab.until("the seed found the hub", () => relay.stdout.includes('"connected":1'));
    const peer = ["--peer", `10.66.1.1:${OUR_PORT}`];
    const get = room.starling(right, "get", "--no-tracker", ...peer, "-o", "got", "x.torrent");
    await room.assertDownloaded(get, "got");
  },
});
