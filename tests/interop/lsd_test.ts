/**
 * Local service discovery (BEP 14) between two hosts of a network that has nothing else: no
 * tracker, no DHT, no peer that is named. Foreign clients on one side, ours on the other.
 */
import bencode from "bencode";
import { deepStrictEqual, ok } from "node:assert/strict";
import { Checkout } from "../loopback/checkout.ts";
import * as content from "../loopback/content.ts";
import { Lab, Subprocess } from "../loopback/lab.ts";
import { isMissing, PYTHON } from "./installed.ts";
import { isWithoutNamespaces, Namespace } from "./namespaces.ts";

const NAME = "data.bin";
const LENGTH = 2_000_001;
const PORT = 7001;
const RUN_TIMEOUT_MS = 300_000;
/** The network without IPv6, or without IPv4. */
const IPV4 = ["10.66.0.1/24", "10.66.0.2/24"], IPV6 = ["fd66::1/64", "fd66::2/64"];
const ONLY_LSD = ["--no-tracker", "--no-dht", "--no-pex", "--no-port-map"];
/** The group of BEP 14, as the kernel lists it: UDP is 17 or its name. */
const LSD_PLACE = /^239\.192\.152\.143 \. (17|udp) \. 6771$/;
const LEAST_FLAGS = ["--no-prompt", "--allow-net", "--allow-read=.", "--allow-write=."];

/** Two hosts on a cable: `here` is ours, `there` somebody else's. */
class LocalNetwork implements AsyncDisposable {
  readonly torrent: string;
  readonly #processes: Subprocess[] = [];

  private constructor(
    readonly lab: Lab,
    readonly here: Namespace,
    readonly there: Namespace,
    readonly checkout: Checkout,
    readonly data: Uint8Array,
  ) {
    this.torrent = checkout.path("x.torrent");
  }

  static async open(addresses: readonly string[] = IPV4): Promise<LocalNetwork> {
    const lab = await Lab.open();
    const [here, there] = [await Namespace.make(lab), await Namespace.make(lab)];
    const checkout = await Checkout.make(lab);
    const network = new LocalNetwork(lab, here, there, checkout, content.randomBytes(LENGTH, 1));
    try {
      await network.#build(addresses);
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
    return network;
  }

  async #build(addresses: readonly string[]): Promise<void> {
    const { here, there, checkout, data } = this;
    await here.connect(there);
    for (const [index, end] of [here, there].entries()) {
      const isIpv6 = addresses[index]!.includes(":");
      // At once: an address is not asked for first whether somebody has it.
      const more = isIpv6 ? ["nodad"] : [];
      await end.ip("addr", "add", addresses[index]!, "dev", "cable", ...more);
      if (!isIpv6) {
        await end.ip("-6", "addr", "flush", "dev", "cable");
        await end.ip("route", "add", "default", "dev", "cable");
      }
    }
    await Deno.mkdir(checkout.path("seeded"));
    await Deno.writeFile(checkout.path("seeded", NAME), data);
    const { bytes } = content.makeTorrent(NAME, data, { pieceLength: 65_536 });
    await Deno.writeFile(this.torrent, bytes);
  }

  /** Marks the torrent private (BEP 27), and gives it a tracker that is not there. */
  async makePrivate(): Promise<void> {
    const torrent = bencode.decode(await Deno.readFile(this.torrent));
    torrent.info.private = 1;
    await Deno.writeFile(this.torrent, bencode.encode(torrent));
  }

  /** Starts starling, with no more permissions than the README asks for. */
  starling(where: Namespace, ...args: string[]): Subprocess {
    const command = where.command(Deno.execPath(), "run", ...LEAST_FLAGS, "main.ts", ...args);
    const env = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
    const process = new Subprocess(...command, { cwd: this.checkout.folder, env });
    this.#processes.push(process);
    return process;
  }

  /** Fails unless the process ends well, and `folder` has all of the data. */
  async assertDownloaded(process: Subprocess, folder: string): Promise<void> {
    const code = await process.exitWithin(RUN_TIMEOUT_MS);
    deepStrictEqual(code, 0, `${process.log}\n${this.lab.logs()}`);
    await this.assertData(folder);
  }

  async assertData(folder: string): Promise<void> {
    const got = await Deno.readFile(this.checkout.path(folder, NAME));
    ok(content.sha1(got).toHex() === content.sha1(this.data).toHex());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.lab.stopAll();
    await this.here[Symbol.asyncDispose]();
    await this.there[Symbol.asyncDispose]();
    await this.lab[Symbol.asyncDispose]();
  }
}

type StartClient = (network: LocalNetwork, folder: string) => Promise<unknown>;

/** Clients that share or fetch the torrent in a folder, and find peers by LSD alone. */
const CLIENTS: Readonly<Record<string, { program: string; start: StartClient }>> = {
  aria2: { program: "aria2c", start: startAria2 },
  transmission: { program: "transmission-daemon", start: startTransmission },
  libtorrent: { program: "python3-libtorrent", start: startLibtorrent },
};

function startAria2({ lab, there, torrent, checkout }: LocalNetwork, folder: string) {
  const options = [
    ...["--no-conf", `--dir=${checkout.path(folder)}`, "--listen-port=7002", "--enable-dht=false"],
    ...["--enable-dht6=false", "--bt-enable-lpd=true", "--enable-peer-exchange=false"],
    ...["--seed-ratio=0", "--summary-interval=0", "--check-integrity=true", torrent],
  ];
  return Promise.resolve(lab.start(...there.command("aria2c", ...options)));
}

async function startTransmission(
  { lab, there, torrent, checkout }: LocalNetwork,
  folder: string,
) {
  const config = await lab.makeFolder("transmission");
  const settings = {
    ...{ "dht-enabled": false, "download-dir": checkout.path(folder), "lpd-enabled": true },
    ...{ "peer-port": 7002, "pex-enabled": false, "port-forwarding-enabled": false },
    ...{ "rpc-enabled": false, "start-added-torrents": true, "utp-enabled": false },
    ...{ "watch-dir": `${config}/watch`, "watch-dir-enabled": true },
  };
  await Deno.writeTextFile(`${config}/settings.json`, JSON.stringify(settings));
  await Deno.mkdir(`${config}/watch`);
  await Deno.copyFile(torrent, `${config}/watch/x.torrent`);
  const options = ["--foreground", "--config-dir", config];
  lab.start(...there.command("transmission-daemon", ...options));
}

function startLibtorrent({ lab, there, torrent, checkout }: LocalNetwork, folder: string) {
  const program = new URL("./libtorrent_seed.py", import.meta.url).pathname;
  const settings = { enable_lsd: true, listen_interfaces: "0.0.0.0:7002" };
  const command = there.command(PYTHON, program, "7002", "0", torrent, checkout.path(folder));
  return Promise.resolve(
    lab.start(...command, { LIBTORRENT_SETTINGS: JSON.stringify(settings) }),
  );
}

const isIgnored = isWithoutNamespaces();

for (const [name, { program, start }] of Object.entries(CLIENTS)) {
  Deno.test({
    name: `get downloads from ${name}, which it finds on the local network alone`,
    ignore: isIgnored || isMissing(program),
    async fn() {
      await using network = await LocalNetwork.open();
      const options = [...ONLY_LSD, "--json", "-o", "got", "x.torrent"];
      const process = network.starling(network.here, "get", ...options);
      await network.lab.until("our download", () => process.stdout.includes('"event"'));
      await start(network, "seeded");
      await network.assertDownloaded(process, "got");
    },
  });

  Deno.test({
    name: `seed is found by ${name} on the local network alone`,
    ignore: isIgnored || isMissing(program),
    async fn() {
      await using network = await LocalNetwork.open();
      await Deno.mkdir(network.checkout.path("theirs"));
      await start(network, "theirs");
      // Whoever is there first hears the other; that it listens shows where the kernel says so.
      await network.lab.until(`${name}'s group`, async () => {
        const listed = await network.lab.run(
          ...network.there.command("ip", "maddr", "show", "dev", "cable"),
        );
        return listed.includes("239.192.152.143");
      });
      const options = [...ONLY_LSD, "--json", "x.torrent", "seeded"];
      const seed = network.starling(network.here, "seed", ...options);
      await network.lab.until("the data", async () => {
        ok(seed.isRunning, seed.log);
        try {
          await network.assertData("theirs");
          return true;
        } catch {
          return false;
        }
      }, RUN_TIMEOUT_MS);
    },
  });
}

for (const [family, addresses] of Object.entries({ IPV4, IPV6 })) {
  Deno.test({
    name: `get and seed of ours find each other on a network of ${family} alone, either first`,
    ignore: isIgnored,
    async fn() {
      for (const isSeedFirst of [true, false]) {
        await using network = await LocalNetwork.open(addresses);
        const { here, there } = network;
        const seed = () =>
          network.starling(there, "seed", ...ONLY_LSD, "--json", "x.torrent", "seeded");
        const get = () =>
          network.starling(here, "get", ...ONLY_LSD, "--json", "-o", "got", "x.torrent");
        const first = isSeedFirst ? seed() : get();
        await network.lab.until("the first", () => first.stdout.includes('"event"'));
        const second = isSeedFirst ? get() : seed();
        await network.assertDownloaded(isSeedFirst ? second : first, "got");
      }
    },
  });
}

Deno.test({
  name: "a private torrent is not announced on the local network, nor anywhere but to its peer",
  ignore: isIgnored,
  async fn() {
    for (const isPrivate of [false, true]) {
      await using network = await LocalNetwork.open();
      const { here, there } = network;
      if (isPrivate) await network.makePrivate();
      const alone = [...ONLY_LSD, "--no-lsd", "--json", "--port", `${PORT}`];
      const seed = network.starling(there, "seed", ...alone, "x.torrent", "seeded");
      await network.lab.until("the seed", () => seed.stdout.includes('"event"'));
      await here.allowOnly("10.66.0.2", PORT);
      const options = ["--no-port-map", "--peer", `10.66.0.2:${PORT}`, "-o", "got", "x.torrent"];
      await network.assertDownloaded(network.starling(here, "get", ...options), "got");
      const { places, packets } = (await here.counted()).dropped;
      if (isPrivate) deepStrictEqual({ places, packets }, { places: [], packets: 0 });
      else ok(places.some((place) => LSD_PLACE.test(place)), `${packets} packets: ${places}`);
    }
  },
});
