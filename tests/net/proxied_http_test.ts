/** GETs through proxies of this machine; tests/loopback/http_test.ts has what all GETs share. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { SystemClock } from "../../src/base/ambient.ts";
import { DenoNetwork } from "../../src/net/deno_network.ts";
import { createFetch, type FetchOptions, HttpError } from "../../src/net/http.ts";
import { requestThroughProxy } from "../../src/net/proxied_http.ts";
import type { Proxy } from "../../src/net/proxy.ts";
import { freePort } from "../loopback/lab.ts";
import { startHttpProxy, startSocks5Proxy, type TestProxyOptions } from "../loopback/proxies.ts";

const SECRET = "hunter2";
const STARTS = [startSocks5Proxy, startHttpProxy];
const PROXY_NAMES: TestProxyOptions = { names: { "tracker.fake": "127.0.0.1" } };
const clock = new SystemClock();
const fetchBounded = createFetch({
  clock,
  userAgent: "starling/0",
  resolve: (name) => Promise.reject(new Error(`looked up ${name}`)),
});

function options(proxy: Proxy, given: Partial<FetchOptions> = {}): FetchOptions {
  const { signal } = new AbortController();
  return { maxBytes: 100_000, timeoutMs: 30_000, signal, proxy, ...given };
}

async function withServer(
  handler: (request: Request) => Response,
  run: (port: number) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  try {
    await run(server.addr.port);
  } finally {
    await server.shutdown();
  }
}

Deno.test("fetch through a proxy leaves the name to it, and says to the server what it would", async () => {
  const show = ({ url, headers }: Request) =>
    Response.json([
      url,
      ...["authorization", "proxy-authorization", "x-other"].map((name) => headers.get(name)),
    ]);
  await withServer(show, async (port) => {
    for (const start of STARTS) {
      await using server = start({ ...PROXY_NAMES, login: { username: "me", password: SECRET } });
      const url = `http://you:p%40ss@tracker.fake:${port}/announce?info_hash=%aa%00&x=1#frag`;
      const headers = { "X-Other": "x" };
      const { bytes, status } = await fetchBounded(url, options(server.proxy, { headers }));
      deepStrictEqual([status, JSON.parse(new TextDecoder().decode(bytes))], [200, [
        `http://tracker.fake:${port}/announce?info_hash=%aa%00&x=1`,
        `Basic ${btoa("you:p@ss")}`,
        null,
        "x",
      ]]);
      deepStrictEqual(server.asked, [`tracker.fake:${port}`]);
    }
  });
});

Deno.test("T17 S14 fetch through a proxy says who failed, and no password", async () => {
  const port = freePort();
  const login = { username: "me", password: "right" };
  const wrong = { username: "me", password: SECRET };
  const refused = "the connection is refused";
  const rows = [
    [
      startSocks5Proxy,
      "http://tracker.fake",
      wrong,
      "the proxy refuses the user name or the password",
    ],
    [
      startHttpProxy,
      "https://tracker.fake",
      wrong,
      "the proxy refuses the user name or the password",
    ],
    [startSocks5Proxy, "http://nobody.fake", login, "the proxy finds the host unreachable"],
    [startHttpProxy, "https://nobody.fake", login, "the proxy answers with HTTP status 502"],
    [startSocks5Proxy, "http://tracker.fake", login, refused],
  ] as const;
  for (const [start, origin, given, reason] of rows) {
    await using server = start({ ...PROXY_NAMES, login });
    const proxy = { ...server.proxy, ...given };
    const fetching = fetchBounded(`${origin}:${port}/${SECRET}`, options(proxy));
    const host = new URL(origin).host;
    await rejects(fetching, {
      name: "HttpError",
      failure: "unreachable",
      message: `Cannot fetch from ${host}:${port}: ${reason}`,
    });
  }
  for (const kind of ["socks5", "http"] as const) {
    for (const protocol of ["http", "https"]) {
      const proxy: Proxy = { kind, endpoint: { host: "127.0.0.1", port }, ...wrong };
      await rejects(fetchBounded(`${protocol}://tracker.fake/${SECRET}`, options(proxy)), {
        failure: "unreachable",
        message: `Cannot fetch from tracker.fake: the proxy cannot be reached: ${refused}`,
      });
    }
  }
});

Deno.test("T19 fetch through a proxy refuses the ports that browsers block, before it asks", async () => {
  for (const start of STARTS) {
    await using server = start(PROXY_NAMES);
    await rejects(fetchBounded("http://tracker.fake:25/", options(server.proxy)), {
      failure: "unsupported-url",
      message: "Cannot fetch from tracker.fake:25: it is a blocked port",
    });
    deepStrictEqual(server.asked, []);
  }
});

Deno.test("T19 fetch through a proxy refuses names that no proxy could be asked for", async () => {
  const host = `${"a".repeat(60)}.`.repeat(5) + "fake";
  for (const start of STARTS) {
    await using server = start(PROXY_NAMES);
    for (const name of [host, "a!b.fake"]) {
      await rejects(fetchBounded(`https://${name}/${SECRET}`, options(server.proxy)), {
        failure: "unreachable",
        message: `Cannot fetch from ${name}: its name is malformed`,
      });
    }
    deepStrictEqual(server.asked, []);
  }
});

Deno.test("T3 T5 fetch through a proxy rejects gzip that is cut off, and survives it in a redirect", async () => {
  const packed = gzipSync("d8:intervali60ee");
  const headers = { "content-encoding": "gzip" };
  const handler = ({ url }: Request) => {
    const { pathname } = new URL(url);
    if (pathname === "/end") return new Response("end");
    const cut = new Uint8Array(packed.subarray(0, pathname === "/empty" ? 0 : -6));
    return pathname === "/moved"
      ? new Response(cut, { status: 302, headers: { ...headers, location: "/end" } })
      : new Response(cut, { headers });
  };
  await withServer(handler, async (port) => {
    for (const start of STARTS) {
      await using server = start(PROXY_NAMES);
      const get = (path: string) =>
        fetchBounded(`http://tracker.fake:${port}${path}`, options(server.proxy));
      await rejects(get("/cut"), { name: "HttpError", failure: "malformed" });
      strictEqual(new TextDecoder().decode((await get("/moved")).bytes), "end");
    }
  });
});

Deno.test("fetch through a proxy gives up on a proxy that says nothing", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of listener) {
      while (await connection.read(new Uint8Array(1_000)).catch(() => null) !== null);
      connection.close();
    }
  })();
  for (const kind of ["socks5", "http"] as const) {
    for (const protocol of ["http", "https"]) {
      const proxy: Proxy = { kind, endpoint: { host: "127.0.0.1", port: listener.addr.port } };
      const fetching = fetchBounded(
        `${protocol}://tracker.fake/${SECRET}`,
        options(proxy, { timeoutMs: 50 }),
      );
      await rejects(fetching, (error: unknown) => {
        ok(
          error instanceof HttpError && error.failure === "timeout" &&
            !/hunter/.test(error.message),
        );
        return true;
      });
    }
  }
  listener.close();
  await accepting;
});

Deno.test("requestThroughProxy() ends with its signal", async () => {
  const endless = () =>
    new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) });
  await withServer(() => new Response(endless()), async (port) => {
    await using server = startSocks5Proxy(PROXY_NAMES);
    const controller = new AbortController();
    const answer = await requestThroughProxy(
      new URL(`http://tracker.fake:${port}/`),
      new Headers(),
      {
        proxy: server.proxy,
        network: new DenoNetwork({ clock }),
        clock,
        timeoutMs: 30_000,
        signal: controller.signal,
      },
    );
    deepStrictEqual([answer.status, answer.headers.get("location")], [200, null]);
    controller.abort();
    await rejects(async () => {
      for await (const part of answer.body) ok(part.length >= 0);
    });
  });
});
