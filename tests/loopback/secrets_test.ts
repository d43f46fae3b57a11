/** Secrets of real runs, sought in everything that they say and write. */
import { deepStrictEqual, ok } from "node:assert/strict";
import type { Finished } from "./checkout.ts";
import { freePort } from "./lab.ts";
import { startHttpProxy, startSocks5Proxy } from "./proxies.ts";
import { GIVE_UP, VerdictRoom } from "./verdict_room.ts";

const PASSKEY = "5ecretPasskey0123456789abcdef";
const URL_KEY = "5ecretUrlKey0123456789";
const PASSWORD = "5ecretPassword%21";
const HEADER = "5ecretHeaderValue";
const SECRETS = [PASSKEY, URL_KEY, "5ecretPassword", HEADER, btoa(`me:5ecretPassword!`)];
/** A .torrent is kept as it is, for its owner's eyes: the next run asks the same trackers. */
const KEPT = /\.torrent$/;
/** In plain lines, then in JSON. */
const FORMS = [[], ["--json"]];

/** Runs commands, and keeps what they say. */
class Listener {
  readonly #room: VerdictRoom;
  readonly said: string[] = [];
  #lost = 0;

  constructor(room: VerdictRoom) {
    this.#room = room;
  }

  /** In each form, with everything that can be said, and a log. */
  async get(code: number, ...args: string[]): Promise<void> {
    for (const form of FORMS) await this.#get(code, "out", [...form, ...args]);
  }

  /** The same of what gives up: both wait for it together, in folders of their own. */
  async getUntilGivenUp(code: number, ...args: string[]): Promise<void> {
    await Promise.all(
      FORMS.map((form) =>
        this.#get(code, `out/lost-${++this.#lost}`, [...form, ...GIVE_UP, ...args])
      ),
    );
  }

  #get(code: number, outputDir: string, args: readonly string[]): Promise<void> {
    const options = ["-v", "--bind", "127.0.0.1", "--log-dir", "logs", "-o", outputDir];
    return this.run(code, "get", ...options, ...args);
  }

  async run(code: number, ...args: string[]): Promise<void> {
    this.#hear(await this.#room.checkout.run(...args), code);
  }

  #hear({ code, stdout, stderr }: Finished, expected: number): void {
    this.said.push(stdout, stderr);
    deepStrictEqual(code, expected, stderr);
  }

  /** Fails when a secret stands anywhere. */
  async assertDiscreet(): Promise<void> {
    let seen = 0;
    for (const folder of ["out", "logs"]) {
      for await (const path of filesIn(this.#room.checkout.path(folder))) {
        seen++;
        if (!KEPT.test(path)) assertWithoutSecrets(await Deno.readTextFile(path), path);
        if (Deno.build.os === "windows" || path.endsWith("data.bin")) continue;
        deepStrictEqual(((await Deno.stat(path)).mode ?? 0) & 0o077, 0, path);
      }
    }
    ok(seen > 1);
    for (const text of this.said) assertWithoutSecrets(text, "what was said");
  }
}

function assertWithoutSecrets(text: string, where: string): void {
  for (const secret of SECRETS) ok(!text.includes(secret), `${where} tells ${secret}: ${text}`);
}

async function* filesIn(folder: string): AsyncIterable<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesIn(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

Deno.test("T20 S14 no passkey of a tracker is said or written, whatever the tracker says", async () => {
  await using room = await VerdictRoom.open();
  const listener = new Listener(room);
  const refusal = `unknown passkey ${PASSKEY}`;
  const bodies = [
    `d14:failure reason${refusal.length}:${refusal}e`,
    `d15:warning message${refusal.length}:${refusal}8:intervali600e5:peers0:e`,
    "no bencode",
  ];
  const trackers = [
    ...bodies.map((body) => `${room.tracker(body)}?passkey=${PASSKEY}`),
    `${room.tracker("gone", 404)}/${PASSKEY}`,
    `http://127.0.0.1:${freePort()}/announce/${PASSKEY}`,
    `udp://${room.silence()}/${PASSKEY}/announce`,
    `http://me:${PASSWORD}@127.0.0.1/announce`,
    `wss://127.0.0.1/${PASSKEY}`,
  ];
  const torrent = await room.torrent(...trackers);
  await listener.getUntilGivenUp(12, torrent);
  const seeder = room.seeder();
  await listener.get(0, "--peer", seeder.endpoint, torrent);
  const infoHash = room.infoHash.toHex();
  const query = trackers.map((url) => `tr=${encodeURIComponent(url)}`).join("&");
  const link = `magnet:?xt=urn:btih:${infoHash}&${query}`;
  const other = link.replace(infoHash, "ab".repeat(20));
  await listener.get(10, "--metadata-timeout", "1s", other);
  await listener.run(5, "verify", "--json", torrent, "nowhere");
  const asking = ["--bind", "127.0.0.1", "--timeout", "2s", torrent];
  await listener.run(12, "plan", ...asking);
  await listener.run(12, "plan", "--json", ...asking);
  await listener.run(2, "create", "-t", `http://me:${PASSWORD}@ h/${PASSKEY}`, torrent);
  await listener.assertDiscreet();
});

Deno.test("T20 S14 no secret of a .torrent URL, of a header or of a redirect is said or written", async () => {
  await using room = await VerdictRoom.open();
  const listener = new Listener(room);
  const torrent = await Deno.readFile(room.checkout.path(await room.torrent()));
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, port } = new URL(request.url);
    if (pathname.endsWith("/loop.torrent")) return Response.redirect(request.url);
    if (pathname.endsWith("/away.torrent")) {
      return Response.redirect(`http://127.0.0.1:${port}/${URL_KEY}/absent.torrent?k=${URL_KEY}`);
    }
    if (pathname.endsWith("/junk.torrent")) return new Response(`${URL_KEY} is no torrent`);
    if (!pathname.endsWith("/x.torrent")) return new Response(URL_KEY, { status: 503 });
    const isAllowed = request.headers.get("authorization") === `Bearer ${HEADER}`;
    return isAllowed ? new Response(torrent) : new Response(URL_KEY, { status: 403 });
  });
  const base = `http://127.0.0.1:${server.addr.port}/dl/${URL_KEY}`;
  const header = ["--header", `Authorization: Bearer ${HEADER}`];
  const seeder = room.seeder();
  await listener.get(3, `${base}/x.torrent?key=${URL_KEY}`);
  await listener.get(3, ...header, `${base}/junk.torrent?key=${URL_KEY}`);
  await listener.get(3, ...header, `${base}/loop.torrent?key=${URL_KEY}`);
  await listener.get(10, ...header, `${base}/away.torrent?key=${URL_KEY}`);
  await listener.get(10, ...header, `http://127.0.0.1:${freePort()}/${URL_KEY}/x.torrent`);
  await listener.get(2, "--header", `Authorization Bearer ${HEADER}`, "x.torrent");
  await listener.get(0, ...header, "--peer", seeder.endpoint, `${base}/x.torrent?key=${URL_KEY}`);
  await listener.assertDiscreet();
  await server.shutdown();
});

Deno.test("S14 no password of a proxy is said or written", async () => {
  await using room = await VerdictRoom.open();
  const listener = new Listener(room);
  const seeder = room.seeder();
  const torrent = await room.torrent(room.tracker("d8:intervali600e5:peers0:e"));
  const login = { username: "me", password: "5ecretPassword!" };
  await using socks = startSocks5Proxy({ login });
  await using http = startHttpProxy({ login });
  const proxies = [socks, http].map(({ proxy: { kind, endpoint } }) =>
    `${kind}://me:${PASSWORD}@127.0.0.1:${endpoint.port}`
  );
  const peer = ["--peer", seeder.endpoint];
  for (const proxy of proxies) {
    await listener.get(0, "--proxy", proxy, "--no-resume", ...peer, torrent);
    await Deno.remove(room.checkout.path("out"), { recursive: true });
  }
  const dead = `socks5://me:${PASSWORD}@127.0.0.1:${freePort()}`;
  await Promise.all([
    ...proxies.map((proxy) =>
      listener.getUntilGivenUp(11, "--proxy", proxy.replace("me:", "you:"), torrent)
    ),
    listener.getUntilGivenUp(13, "--proxy", dead, ...peer, torrent),
  ]);
  await listener.get(10, "--proxy", dead, "http://127.0.0.1:8080/x.torrent");
  for (
    const wrong of [`ftp://me:${PASSWORD}@h:1`, `socks5://me:${PASSWORD}@h:99999`, `me:${PASSWORD}`]
  ) {
    await listener.get(2, "--proxy", wrong, torrent);
  }
  await listener.assertDiscreet();
});
