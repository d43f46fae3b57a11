/**
 * `get` through a real SOCKS5 proxy, in a network where it can reach nothing but that, and where
 * the kernel counts all that is tried beside it: names looked up, UDP, connections of any kind.
 */
import bencode from "bencode";
import { deepStrictEqual, ok } from "node:assert/strict";
import { assertExit, Checkout } from "../loopback/checkout.ts";
import * as content from "../loopback/content.ts";
import { Lab, Subprocess } from "../loopback/lab.ts";
import { isMissing } from "./installed.ts";
import { isWithoutNamespaces, Namespace } from "./namespaces.ts";
import { TRACKER_CERTIFICATE } from "./tracker_certificate.ts";

const NAME = "data.bin";
const LENGTH = 3_000_001;
const RUN_TIMEOUT_MS = 300_000;
/** Where the proxy listens, and where all that can be reached through it alone. */
const PROXY = "10.77.0.1", PROXY_PORT = 1080, INSIDE = "10.77.0.2", WORLD = "10.88.0.1";
const TRACKER_PORT = 6969, WEB_PORT = 8080, SECURE_PORT = 8443;
const TRACKERS = {
  udp: `udp://tracker.test:${TRACKER_PORT}/announce`,
  http: `http://tracker.test:${TRACKER_PORT}/announce`,
  https: `https://tracker.test:${SECURE_PORT}/announce`,
};
const USERNAME = "me", PASSWORD = "hunter 2:@";
/** As a hostile or forgotten setting of a shell may have it. */
const MISLEADING = {
  HTTP_PROXY: `http://${WORLD}:9`,
  HTTPS_PROXY: `http://${WORLD}:9`,
  NO_PROXY: "*",
  no_proxy: "*",
};
/** Deno's own look for a newer Deno is none of our packets. */
const QUIET = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };

/** A web server for the .torrent, and a tracker over TLS, both before our own tracker. */
const WEB_SERVER = `
const [hostname, port, securePort, folder] = Deno.args;
const read = (name) => Deno.readTextFileSync(folder + "/" + name);
Deno.serve({ hostname, port: Number(port) }, () =>
  new Response(Deno.readFileSync(folder + "/x.torrent")));
const tls = { cert: read("cert.pem"), key: read("key.pem") };
Deno.serve({ hostname, port: Number(securePort), ...tls }, (request) => {
  const { pathname, search } = new URL(request.url);
  return fetch("http://" + hostname + ":${TRACKER_PORT}" + pathname + search);
});
`;

/** Two networks: in one of them nothing but a `get`, in the other one the proxy and the world. */
class World implements AsyncDisposable {
  readonly lab: Lab;
  readonly inside: Namespace;
  readonly outside: Namespace;
  readonly checkout: Checkout;
  readonly #processes: Subprocess[] = [];

  private constructor(lab: Lab, inside: Namespace, outside: Namespace, checkout: Checkout) {
    this.lab = lab;
    this.inside = inside;
    this.outside = outside;
    this.checkout = checkout;
  }

  static async open(): Promise<World> {
    const lab = await Lab.open();
    const inside = await Namespace.make(lab);
    const outside = await Namespace.make(lab, { "tracker.test": WORLD, "seeder.test": WORLD });
    const world = new World(lab, inside, outside, await Checkout.make(lab));
    try {
      await world.#build();
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
    return world;
  }

  async #build(): Promise<void> {
    const { lab, inside, outside } = this;
    await inside.connect(outside);
    await inside.ip("addr", "add", `${INSIDE}/24`, "dev", "cable");
    await outside.ip("addr", "add", `${PROXY}/24`, "dev", "cable");
    await outside.ip("addr", "add", `${WORLD}/32`, "dev", "lo");
    // Packets around the proxy have a way to go, so that only the kernel's rules stop them.
    await inside.ip("route", "add", "default", "via", PROXY);
    await inside.ip("-6", "route", "add", "default", "dev", "cable");
    await inside.allowOnly(PROXY, PROXY_PORT);
    const login = ["-u", USERNAME, "-P", PASSWORD];
    const listening = ["-i", PROXY, "-p", `${PROXY_PORT}`];
    lab.start(...outside.command("microsocks", ...listening, ...login));
    const tracker = this.#starling("tracker", "--bind", WORLD, "--port", `${TRACKER_PORT}`);
    await this.#makeTorrent();
    const folder = this.checkout.folder;
    const options = ["run", "--no-prompt", "--no-config", "-A", `${folder}/web_server.js`];
    const web = lab.start(...outside.command(
      Deno.execPath(),
      ...options,
      ...[WORLD, `${WEB_PORT}`, `${SECURE_PORT}`, folder],
    ));
    await lab.until("our tracker", () => tracker.stdout.includes("announce"));
    await lab.until("the web server", () => web.stderr.includes(`:${SECURE_PORT}`));
    const seeder = this.#starling(
      ...["seed", "--json", "--no-dht", "--no-lsd", "--no-port-map", "--port", "7001"],
      ...["x.torrent", "seeded"],
    );
    await lab.until("the seed announced", () => seeder.stdout.includes('"ok":true'));
  }

  async #makeTorrent(): Promise<void> {
    const { checkout } = this;
    const data = content.randomBytes(LENGTH, 1);
    await Deno.mkdir(checkout.path("seeded"));
    await Deno.writeFile(checkout.path("seeded", NAME), data);
    const { bytes } = content.makeTorrent(NAME, data, { pieceLength: 65_536 });
    const torrent = bencode.decode(bytes);
    torrent["announce-list"] = Object.values(TRACKERS).map((url) => [url]);
    await Deno.writeFile(checkout.path("x.torrent"), bencode.encode(torrent));
    const { authority, cert, key } = TRACKER_CERTIFICATE;
    await Deno.writeTextFile(checkout.path("authority.pem"), authority);
    await Deno.writeTextFile(checkout.path("cert.pem"), cert);
    await Deno.writeTextFile(checkout.path("key.pem"), key);
    await Deno.writeTextFile(checkout.path("web_server.js"), WEB_SERVER);
  }

  /** Starts starling among the proxy's neighbours. */
  #starling(...args: string[]): Subprocess {
    return this.#start(this.outside, args);
  }

  /** Runs `starling get` behind the proxy to its end; Deno trusts the world's authority. */
  get(...args: string[]): Promise<Run> {
    return this.#get(args, ["--cert", this.checkout.path("authority.pem")]);
  }

  /** The same, where nobody has heard of that authority. */
  getWithoutTrust(...args: string[]): Promise<Run> {
    return this.#get(args, []);
  }

  async #get(args: readonly string[], trust: readonly string[]): Promise<Run> {
    const process = this.#start(this.inside, ["get", "--json", ...args], trust);
    const code = await process.exitWithin(RUN_TIMEOUT_MS);
    const { stdout, stderr } = process;
    const events = stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line));
    return { code, stdout, stderr, events };
  }

  #start(where: Namespace, args: readonly string[], trust: readonly string[] = []): Subprocess {
    const flags = ["--no-prompt", "--allow-net", "--allow-read=.", "--allow-write=.", ...trust];
    const command = where.command(Deno.execPath(), "run", ...flags, "main.ts", ...args);
    const env = where === this.inside ? { ...QUIET, ...MISLEADING } : QUIET;
    const process = new Subprocess(...command, { cwd: this.checkout.folder, env });
    this.#processes.push(process);
    return process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.lab.stopAll();
    await this.inside[Symbol.asyncDispose]();
    await this.outside[Symbol.asyncDispose]();
    await this.lab[Symbol.asyncDispose]();
  }
}

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  // deno-lint-ignore no-explicit-any
  readonly events: readonly any[];
}

function proxyUrl(password: string): string {
  return `socks5://${USERNAME}:${encodeURIComponent(password)}@${PROXY}:${PROXY_PORT}`;
}

function assertSilence({ stdout, stderr }: Run): void {
  for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), "hunter"]) {
    ok(!stdout.includes(secret) && !stderr.includes(secret), `it shows the password:\n${stdout}`);
  }
}

Deno.test({
  name: "get --proxy downloads through SOCKS5 alone: no name looked up, no other packet tried",
  ignore: isWithoutNamespaces() || isMissing("microsocks"),
  async fn(t) {
    await using world = await World.open();
    const { inside, checkout } = world;

    await t.step("the kernel counts what goes around the proxy", async () => {
      const lookup = inside.command("getent", "hosts", "tracker.test");
      await new Deno.Command(lookup[0], { args: lookup[1] }).output();
      const { dropped } = await inside.counted();
      ok(dropped.packets > 0 && dropped.places.some((place) => place.endsWith(" . 53")));
      await inside.allowOnly(PROXY, PROXY_PORT);
    });

    await t.step("the .torrent, trackers and peers come through it", async () => {
      const source = `http://tracker.test:${WEB_PORT}/x.torrent`;
      const run = await world.get("--proxy", proxyUrl(PASSWORD), "-o", "got", source);
      const { allowed, dropped } = await inside.counted();
      assertExit({ ...run, durationMs: 0, events: () => [] }, 0, world.lab.logs());
      deepStrictEqual(dropped, { packets: 0, places: [] });
      ok(allowed.packets > 100, `${allowed.packets} packets`);
      const got = await Deno.readFile(checkout.path("got", NAME));
      ok(content.sha1(got).toHex() === content.sha1(content.randomBytes(LENGTH, 1)).toHex());
      const announces = run.events.filter(({ event }) => event === "tracker");
      const told = new Map(announces.map(({ url, ok, failure }) => [url, failure ?? ok]));
      deepStrictEqual(told.get(TRACKERS.http), true, run.stdout);
      const noUdp = "a proxy is set, and UDP does not go through it";
      deepStrictEqual(told.get(TRACKERS.udp), noUdp, run.stdout);
      assertSilence(run);
    });

    await t.step("a tracker over TLS, and a peer by its name", async () => {
      const torrent = bencode.decode(await Deno.readFile(checkout.path("x.torrent")));
      torrent["announce-list"] = [[TRACKERS.https]];
      await Deno.writeFile(checkout.path("secure.torrent"), bencode.encode(torrent));
      for (const peer of [[], ["--no-tracker", "--peer", "seeder.test:7001"]]) {
        const run = await world.get(
          ...["--proxy", proxyUrl(PASSWORD), "-o", `secure${peer.length}`, ...peer],
          "secure.torrent",
        );
        assertExit({ ...run, durationMs: 0, events: () => [] }, 0, world.lab.logs());
        deepStrictEqual((await inside.counted()).dropped, { packets: 0, places: [] });
      }
    });

    await t.step("a tracker whose certificate nobody trusts is not asked", async () => {
      const proxied = ["--proxy", proxyUrl(PASSWORD), "--deadline", "2s"];
      const run = await world.getWithoutTrust(...proxied, "-o", "untrusted", "secure.torrent");
      ok(run.code !== 0 && run.stdout.includes("its certificate is invalid"), run.stdout);
      deepStrictEqual((await inside.counted()).dropped, { packets: 0, places: [] });
    });

    await t.step("without the right password nothing is tried another way", async () => {
      const run = await world.get(
        ...["--proxy", proxyUrl("wrong"), "--deadline", "3s", "-o", "none"],
        ...["--peer", "seeder.test:7001", "x.torrent"],
      );
      ok(run.code !== 0, run.stdout);
      ok(run.stdout.includes("the proxy refuses the user name or the password"), run.stdout);
      deepStrictEqual((await inside.counted()).dropped, { packets: 0, places: [] });
      assertSilence(run);
    });
  },
});
