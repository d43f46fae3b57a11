import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { CommandError } from "../../../src/cli/output/failure.ts";
import { readGiven } from "../../../src/cli/source/given_source.ts";
import { magnetLink } from "../../../src/metainfo/magnet.ts";
import type { FetchOptions } from "../../../src/net/http.ts";
import { FakeEnvironment, type FakeOptions } from "../fake_environment.ts";
import { makeMetainfo, makeTorrent } from "../torrents.ts";

const METAINFO = makeMetainfo({ name: "alpha" });
const LINK = magnetLink(METAINFO);
const SOURCE = "https://example.org/dl/secret";

function read(source: string, options: FakeOptions = {}) {
  const environment = new FakeEnvironment({ args: [], ...options });
  const { signal } = new AbortController();
  return readGiven(source, { environment, headers: [], proxy: undefined, signal });
}

/** A server that redirects to `location`, from `url`. */
function redirecting(location: string, url = SOURCE) {
  const asked: FetchOptions[] = [];
  const fetch: FakeOptions["fetch"] = (_, options) => {
    asked.push(options);
    return Promise.resolve({ status: 302, bytes: new Uint8Array(), url, location });
  };
  return { asked, fetch };
}

Deno.test("readGiven() tells a link from a .torrent, wherever it comes from", async () => {
  const bytes = makeTorrent();
  deepStrictEqual(await read("x", { files: { x: bytes } }), { kind: "torrent", bytes });
  const fetch: FakeOptions["fetch"] = (url) => Promise.resolve({ status: 200, bytes, url });
  deepStrictEqual(await read(SOURCE, { fetch }), { kind: "torrent", bytes });
  for (const source of [LINK, METAINFO.infoHashHex]) {
    const given = await read(source);
    ok(given.kind === "link" && given.link.infoHashHex === METAINFO.infoHashHex);
  }
});

Deno.test("readGiven() follows a URL whose server redirects to a magnet link", async () => {
  const { asked, fetch } = redirecting(`${LINK}&tr=http://t.example/x&so=1`);
  const given = await read(SOURCE, { fetch });
  ok(given.kind === "link");
  const { infoHashHex, name, trackers, selectedFiles } = given.link;
  deepStrictEqual([infoHashHex, name], [METAINFO.infoHashHex, "alpha"]);
  deepStrictEqual(trackers, [["http://t.example/x"]]);
  deepStrictEqual(selectedFiles, [{ first: 1, last: 1 }]);
  deepStrictEqual(asked.map(({ handsOver }) => handsOver), [["magnet:"]]);
});

Deno.test("T1 readGiven() leaves out peers on this machine when a redirect of another names them", async () => {
  const peers = ["127.0.0.1:22", "[::1]:22", "localhost:22", "192.0.2.1:6881"];
  const link = LINK + peers.map((peer) => `&x.pe=${peer}`).join("");
  const near = ["127.0.0.1", "::1", "localhost", "192.0.2.1"];
  const namedBy = async (url: string) => {
    const given = await read(SOURCE, redirecting(link, url));
    return given.kind === "link" && given.link.peers.map(({ host }) => host);
  };
  deepStrictEqual(await namedBy(SOURCE), ["192.0.2.1"]);
  deepStrictEqual(await namedBy("http://192.0.2.7/x"), ["192.0.2.1"]);
  deepStrictEqual(await namedBy("http://127.0.0.1:80/x"), near);
  deepStrictEqual(await namedBy("http://[::1]/x"), near);
});

Deno.test("readGiven() names the source, and no secret, when the link of a redirect is malformed", async () => {
  const reading = read(SOURCE, redirecting("magnet:?xt=urn:btih:12&tr=http://t.example/secret"));
  await rejects(reading, (error) => {
    ok(error instanceof CommandError);
    deepStrictEqual(error.failure.exitCode, 3);
    const subject = "Cannot follow https://example.org/… to its magnet link: ";
    ok(error.message.startsWith(subject) && !error.message.includes("secret"), error.message);
    return true;
  });
});
