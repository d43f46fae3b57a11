import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { announceUrl, parseAnnounceResponse } from "../../src/tracker/http_codec.ts";
import { HttpService } from "../../src/tracker/http_service.ts";
import { SwarmRegistry } from "../../src/tracker/swarm_registry.ts";
import { announceRequest, ascii, infoHash } from "./announce_samples.ts";

const QUERY = new URL(announceUrl("http://t/", announceRequest())).search;

function makeService(): HttpService {
  const random = new SeededRandom(1);
  const allowed = new Set([infoHash.toHex()]);
  return new HttpService(new SwarmRegistry({ random, intervalMs: 900_000, allowed }), {
    intervalMs: 900_000,
  });
}

/** Status line and body of an answer. */
function ask(service: HttpService, head: string): { status: string; body: string } {
  const answer = new TextDecoder("latin1").decode(service.answer(head, "10.0.0.1", 0));
  const [headers, body] = answer.split("\r\n\r\n");
  const [status, ...lines] = headers!.split("\r\n");
  ok(lines.includes(`Content-Length: ${body!.length}`));
  ok(lines.includes("Connection: close"));
  return { status: status!, body: body! };
}

function get(service: HttpService, path: string): { status: string; body: string } {
  return ask(service, `GET ${path} HTTP/1.1\r\nHost: t\r\n\r\n`);
}

Deno.test("HttpService answers announces", () => {
  const service = makeService();
  get(service, `/announce${QUERY.replace("6881", "7000")}`);
  const { status, body } = get(service, `/announce${QUERY}`);
  equal(status, "HTTP/1.1 200 OK");
  const { endpoints, intervalMs } = parseAnnounceResponse(
    Uint8Array.from(body, (character) => character.charCodeAt(0)),
  );
  deepStrictEqual([endpoints, intervalMs], [[{ host: "10.0.0.1", port: 7000 }], 900_000]);
});

Deno.test("HttpService answers scrapes, once for each torrent", () => {
  const service = makeService();
  get(service, `/announce${QUERY}`);
  const hash = QUERY.slice(1).split("&")[0];
  const { status, body } = get(service, `/scrape?${hash}&${hash}`);
  equal(status, "HTTP/1.1 200 OK");
  ok(body.endsWith("d8:completei0e10:downloadedi0e10:incompletei1eeee"));
});

Deno.test("HttpService says in bencode what is wrong with a query", () => {
  const service = makeService();
  const failure = (path: string) => /^d14:failure reason\d+:(.*)e$/.exec(get(service, path).body);
  equal(failure("/announce")?.[1], "info_hash is not 20 percent-encoded bytes");
  equal(failure("/announce?")?.[1], "info_hash is not 20 percent-encoded bytes");
  equal(failure("/scrape")?.[1], "info_hash is missing");
  const other = `/announce${QUERY.replace("%00", "%01")}`;
  equal(failure(other)?.[1], "this torrent is not served here");
});

Deno.test("HttpService understands whole addresses in the request line", () => {
  const { body } = get(makeService(), `http://tracker.example:80/announce${QUERY}`);
  ok(body.startsWith("d8:complete"));
});

Deno.test("HttpService turns away what is no request for it", () => {
  const service = makeService();
  equal(get(service, "/").status, "HTTP/1.1 404 Not Found");
  equal(get(service, "/announce/../admin").status, "HTTP/1.1 404 Not Found");
  const bad = [
    "",
    "\r\n\r\n",
    "POST /announce HTTP/1.1\r\n\r\n",
    "GET /announce\r\n\r\n",
    "GET announce HTTP/1.1\r\n\r\n",
    "GET  /announce HTTP/1.1\r\n\r\n",
    "GET /announce?a b HTTP/1.1\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01",
    "\x13BitTorrent protocol\r\n\r\n",
  ];
  for (const head of bad) equal(ask(service, head).status, "HTTP/1.1 400 Bad Request", head);
  equal(ascii(get(service, "/announce?" + "x".repeat(8_000)).body).length < 100, true);
});
