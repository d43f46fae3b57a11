/** What `createFetch` decides before it opens a socket; tests/loopback has the rest. */
import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { createFetch, type FetchOptions, HttpError } from "../../src/net/http.ts";
import { ManualClock } from "../sim/manual_clock.ts";

const fetchBounded = createFetch({
  clock: new ManualClock(),
  userAgent: "starling/0",
  resolve: () => Promise.resolve([]),
});
const OPTIONS: FetchOptions = {
  maxBytes: 1_000,
  timeoutMs: 1_000,
  signal: new AbortController().signal,
};

Deno.test("T1 T19 fetch refuses every scheme but http and https", async () => {
  const urls = [
    "file:///etc/passwd",
    "data:text/plain,hello",
    "ftp://example.org/",
    "udp://tracker.example:6969/announce",
    "javascript:alert(1)",
    "blob:https://example.org/uuid",
  ];
  for (const url of urls) {
    await rejects(fetchBounded(url, OPTIONS), { name: "HttpError", failure: "unsupported-url" });
  }
});

Deno.test("T19 fetch refuses malformed and endless URLs without quoting them", async () => {
  const urls = ["", "announce", "http://", "http://[::1", "http://a:99999/", "http://a b/"];
  for (const url of [...urls, `http://example.org/${"a".repeat(8_200)}`]) {
    await rejects(fetchBounded(url, OPTIONS), {
      failure: "unsupported-url",
      message: "Cannot fetch: the URL is malformed or too long",
    });
  }
});

Deno.test("T19 fetch refuses the ports that browsers block", async () => {
  await rejects(fetchBounded("http://127.0.0.1:22/", OPTIONS), {
    failure: "unsupported-url",
    message: "Cannot fetch from 127.0.0.1:22: it is a blocked port",
  });
});

Deno.test("T19 fetch asks accept() before it sends anything", async () => {
  const asked: string[] = [];
  const accept = (url: URL) => {
    asked.push(url.href);
    return false;
  };
  await rejects(
    fetchBounded("http://169.254.169.254/latest/meta-data", { ...OPTIONS, accept }),
    (error: unknown) => {
      ok(error instanceof HttpError && error.failure === "unsupported-url");
      ok(!error.message.includes("meta-data"));
      return true;
    },
  );
  deepStrictEqual(asked, ["http://169.254.169.254/latest/meta-data"]);
});

Deno.test("fetch rejects at once when its signal has aborted", async () => {
  const signal = AbortSignal.abort();
  await rejects(fetchBounded("http://127.0.0.1:1/", { ...OPTIONS, signal }), {
    failure: "aborted",
    message: "Cannot fetch from 127.0.0.1:1: cancelled",
  });
});

Deno.test({
  name: "S4 fetch names the flag that Deno wants",
  permissions: { net: false },
  async fn() {
    await rejects(fetchBounded("http://127.0.0.1:8080/", OPTIONS), {
      failure: "unreachable",
      message:
        "Cannot fetch from 127.0.0.1:8080: it is forbidden without --allow-net=127.0.0.1:8080",
    });
  },
});
