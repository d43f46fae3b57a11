/** `createFetch` against real servers on this machine, good and bad. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { SystemClock } from "../../src/base/ambient.ts";
import {
  type BodyAnswer,
  createFetch,
  type FetchBounded,
  type FetchOptions,
  HttpError,
} from "../../src/net/http.ts";
import { freePort } from "./lab.ts";
import { startHttpProxy, startSocks5Proxy } from "./proxies.ts";
import { SELF_SIGNED } from "./self_signed.ts";

const KIB = 1024;
const SECRET = "passkey-0123456789";
const TEXT = new TextEncoder();
/** Names that are known to nobody but to the check of redirects. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "inside.invalid": ["10.0.0.1"],
  "here.invalid": ["127.0.0.1"],
};
const fetchDirectly = createFetch({
  clock: new SystemClock(),
  userAgent: "starling/0",
  resolve: (name) => Promise.resolve(NAMES[name] ?? []),
});

/** Tests a GET without a proxy, and with each kind of them. */
function everyWay(name: string, run: (fetchBounded: FetchBounded) => Promise<void>): void {
  Deno.test(name, () => run(fetchDirectly));
  for (const start of [startSocks5Proxy, startHttpProxy]) {
    Deno.test(`${name}, through ${start.name.replace("start", "")}`, async () => {
      await using server = start({ login: { username: "me", password: SECRET } });
      await run((url, options) => fetchDirectly(url, { ...options, proxy: server.proxy }));
    });
  }
}

function options(given: Partial<FetchOptions> = {}): FetchOptions {
  const { signal } = new AbortController();
  return { maxBytes: 100 * KIB, timeoutMs: 30_000, signal, ...given };
}

type Handler = (request: Request, path: string) => Response | Promise<Response>;

/** Runs `run` with the URL of a server, no slash at its end. */
async function withServer(handler: Handler, run: (url: string) => Promise<void>): Promise<void> {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => handler(request, new URL(request.url).pathname),
  );
  try {
    await run(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

/** Runs `run` with the URL of a server that answers with these bytes, and then closes or not. */
async function withRawServer(
  answer: string,
  closes: boolean,
  run: (url: string) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const connection = await listener.accept();
    await connection.read(new Uint8Array(4 * KIB));
    await connection.write(TEXT.encode(answer));
    // An end, or the client's: whichever comes first.
    if (!closes) { while (await connection.read(new Uint8Array(KIB)).catch(() => null) !== null); }
    connection.close();
  })();
  try {
    await run(`http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`);
  } finally {
    await serving;
    listener.close();
  }
}

/** Fails as it should, and quotes no secret (T20). */
async function rejectsWith(failure: string, fetching: Promise<unknown>): Promise<void> {
  await rejects(fetching, (error: unknown) => {
    ok(error instanceof HttpError, String(error));
    strictEqual(error.failure, failure);
    ok(!error.message.includes(SECRET), error.message);
    ok(/^Cannot fetch from \S+: /.test(error.message), error.message);
    return true;
  });
}

everyWay("fetch gives status, bytes and the URL that it asked for", async (fetchBounded) => {
  const handler: Handler = (request) => new Response(request.url);
  await withServer(handler, async (url) => {
    const asked = `${url}/announce?info_hash=%aa%00%7F&key=${SECRET}`;
    const { status, bytes, url: from } = await fetchBounded(asked, options());
    deepStrictEqual([status, from], [200, asked]);
    strictEqual(new TextDecoder().decode(bytes), asked, "escapes are kept as they are");
  });
});

everyWay("fetch sends the headers that it is given, and says who asks", async (fetchBounded) => {
  const handler: Handler = ({ headers }) =>
    new Response(`${headers.get("user-agent")} ${headers.get("range")}`);
  await withServer(handler, async (url) => {
    const headers = { Range: "bytes=0-9" };
    for (
      const [given, said] of [[headers, "starling/0"], [{ ...headers, "user-agent": "x" }, "x"]]
    ) {
      const { bytes } = await fetchBounded(url, options({ headers: given as typeof headers }));
      strictEqual(new TextDecoder().decode(bytes), `${said} bytes=0-9`);
    }
  });
});

everyWay(
  "fetch hands on what the server says of the body, and a 304 as it is",
  async (fetchBounded) => {
    const headers = { etag: '"v1"', "last-modified": "Fri, 20 Nov 2026 21:00:00 GMT" };
    const handler: Handler = (request) =>
      request.headers.get("if-none-match") === '"v1"'
        ? new Response(null, { status: 304, headers })
        : new Response("v1", { headers });
    await withServer(handler, async (url) => {
      for (const asked of [{}, { "If-None-Match": '"v1"' }]) {
        const { status, bytes, headers: answered } = await fetchBounded(
          url,
          options({ headers: asked }),
        );
        const isNew = !("If-None-Match" in asked);
        deepStrictEqual([status, bytes.length], isNew ? [200, 2] : [304, 0]);
        for (const [name, value] of Object.entries(headers)) {
          strictEqual(answered?.get(name), value);
        }
      }
    });
  },
);

everyWay("fetch hands on the body as it comes to who takes it", async (fetchBounded) => {
  const body = new Uint8Array(90 * KIB).map((_, index) => index % 251);
  const handler: Handler = () => new Response(body, { status: 206 });
  await withServer(handler, async (url) => {
    const taken: number[] = [];
    let statusSeen = 0;
    const take = async ({ status, body }: BodyAnswer) => {
      statusSeen = status;
      for await (const part of body) taken.push(...part);
    };
    const { status, bytes } = await fetchBounded(url, options({ take }));
    deepStrictEqual([status, statusSeen, bytes.length], [206, 206, 0]);
    deepStrictEqual(Uint8Array.from(taken), body);
  });
});

everyWay("T2 fetch hands on no more than it may, and then throws", async (fetchBounded) => {
  const handler: Handler = () => new Response(new Uint8Array(90 * KIB));
  await withServer(handler, async (url) => {
    let length = 0;
    const take = async ({ body }: BodyAnswer) => {
      for await (const part of body) length += part.length;
    };
    const maxBytes = 80 * KIB;
    await rejectsWith("too-large", fetchBounded(url, options({ maxBytes, take })));
    ok(length <= maxBytes, `${length} bytes`);
  });
});

everyWay(
  "fetch reads no body that its taker does not want, and throws its error",
  async (fetchBounded) => {
    const ended = Promise.withResolvers<void>();
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(KIB)),
      cancel: () => ended.resolve(),
    });
    await withServer(() => new Response(endless), async (url) => {
      const take = () => Promise.reject(new RangeError("not wanted"));
      await rejects(fetchBounded(url, options({ maxBytes: Infinity, take })), RangeError);
      await ended.promise;
    });
  },
);

everyWay("fetch undoes gzip", async (fetchBounded) => {
  const packed = new Uint8Array(gzipSync(TEXT.encode("d8:intervali60ee")));
  const handler: Handler = () => new Response(packed, { headers: { "content-encoding": "gzip" } });
  await withServer(handler, async (url) => {
    const { bytes } = await fetchBounded(url, options());
    strictEqual(new TextDecoder().decode(bytes), "d8:intervali60ee");
  });
});

everyWay(
  "T5 fetch gives 204, 404, 410, 503 and unfollowable 3xx as they are",
  async (fetchBounded) => {
    const handler: Handler = (_, path) => {
      const status = Number(path.slice(1));
      return new Response(status === 204 || status === 304 ? null : "no", { status });
    };
    await withServer(handler, async (url) => {
      for (const wanted of [204, 302, 304, 404, 410, 503]) {
        const { status, bytes } = await fetchBounded(`${url}/${wanted}`, options());
        deepStrictEqual([status, bytes.length], [wanted, wanted === 204 || wanted === 304 ? 0 : 2]);
      }
    });
  },
);

everyWay("T1 fetch follows five redirects, relative ones too", async (fetchBounded) => {
  const handler: Handler = ({ url }, path) => {
    const hop = Number(path.slice(1));
    if (hop === 5) return new Response("there");
    const next = `/${hop + 1}`;
    const location = hop % 2 === 0 ? next : new URL(next, url).href;
    return new Response("moved", {
      status: [301, 302, 303, 307, 308][hop]!,
      headers: { location },
    });
  };
  await withServer(handler, async (url) => {
    const { status, url: from } = await fetchBounded(`${url}/0`, options());
    deepStrictEqual([status, from], [200, `${url}/5`]);
  });
});

everyWay("T1 fetch stops at a redirect loop", async (fetchBounded) => {
  let requests = 0;
  const handler: Handler = (_, path) => {
    requests++;
    return Response.redirect(`http://127.0.0.1:${port}${path}`);
  };
  let port = "";
  await withServer(handler, async (url) => {
    port = new URL(url).port;
    await rejectsWith("redirects", fetchBounded(`${url}/${SECRET}`, options()));
    strictEqual(requests, 6);
  });
});

everyWay(
  "T1 T19 fetch refuses redirects to other schemes and into other networks",
  async (fetchBounded) => {
    const targets = [
      "file:///etc/passwd",
      "data:text/plain,x",
      "ftp://127.0.0.1/",
      "http://169.254.169.254/latest/meta-data",
      "http://192.168.1.1/reboot",
      "http://10.0.0.1/",
      "http://[fe80::1]/",
      "http://[fd00::1]/",
      "http://[::ffff:127.0.0.1]/",
      "http://0.0.0.0/",
      "http://2130706434:99999/",
      `http://example.org/${"a".repeat(9_000)}`,
    ];
    const handler: Handler = (_, path) =>
      new Response(null, { status: 302, headers: { location: targets[Number(path.slice(1))]! } });
    await withServer(handler, async (url) => {
      for (const index of targets.keys()) {
        await rejects(fetchBounded(`${url}/${index}`, options()), { failure: "unsupported-url" });
      }
    });
  },
);

Deno.test("T1 T21 fetch looks up the name that a redirect leads to before it asks there", async () => {
  const handler: Handler = (_, path) =>
    new Response(null, { status: 302, headers: { location: `http:/${path}/${SECRET}` } });
  await withServer(handler, async (url) => {
    await rejects(fetchDirectly(`${url}/inside.invalid`, options()), {
      failure: "unsupported-url",
      message: "Cannot fetch from inside.invalid: it is a redirect into a local network",
    });
    // It is this machine, as the one that leads there: what asks it finds no such name.
    await rejectsWith("unreachable", fetchDirectly(`${url}/here.invalid`, options()));
  });
});

Deno.test("fetch leaves the names that redirects lead to to the proxy", async () => {
  await using proxied = startSocks5Proxy({ names: { "inside.invalid": "127.0.0.1" } });
  let port = "";
  const handler: Handler = (_, path) =>
    path === "/" ? Response.redirect(`http://inside.invalid:${port}/there`) : new Response("hello");
  await withServer(handler, async (url) => {
    port = new URL(url).port;
    const { bytes } = await fetchDirectly(url, options({ proxy: proxied.proxy }));
    strictEqual(new TextDecoder().decode(bytes), "hello");
  });
});

everyWay(
  "fetch hands over a redirect to a scheme that is asked for, within the limit",
  async (fetchBounded) => {
    const link = `magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=${"a".repeat(9_000)}`;
    const targets = ["/1", link, `magnet:?dn=${"a".repeat(17_000)}`, "Magnet:?x", "ftp://a/"];
    targets.push("/6", "/7", "/8", "/9", "/10", link);
    const handler: Handler = (_, path) =>
      new Response("gone", {
        status: 302,
        headers: { location: targets[Number(path.slice(1))]! },
      });
    await withServer(handler, async (url) => {
      const handsOver = ["magnet:"];
      const { status, bytes, url: from, location } = await fetchBounded(
        `${url}/0`,
        options({ handsOver }),
      );
      deepStrictEqual([status, bytes.length, from, location], [302, 0, `${url}/1`, link]);
      const other = await fetchBounded(`${url}/3`, options({ handsOver }));
      strictEqual(other.location, "Magnet:?x");
      for (const path of ["2", "4"]) {
        const fetching = fetchBounded(`${url}/${path}`, options({ handsOver }));
        await rejects(fetching, { failure: "unsupported-url" });
      }
      await rejects(fetchBounded(`${url}/0`, options()), { failure: "unsupported-url" });
      await rejectsWith("redirects", fetchBounded(`${url}/5`, options({ handsOver })));
      strictEqual((await fetchBounded(`${url}/6`, options({ handsOver }))).location, link);
    });
  },
);

everyWay("T1 fetch asks accept() before every hop", async (fetchBounded) => {
  const handler: Handler = (_, path) =>
    path === "/a"
      ? new Response(null, { status: 302, headers: { location: "/b" } })
      : new Response();
  await withServer(handler, async (url) => {
    const asked: string[] = [];
    const accept = ({ pathname }: URL) => asked.push(pathname) < 2;
    await rejectsWith("unsupported-url", fetchBounded(`${url}/a`, options({ accept })));
    deepStrictEqual(asked, ["/a", "/b"]);
  });
});

everyWay(
  "T1 fetch shows secrets to no other origin, and not after coming back",
  async (fetchBounded) => {
    const seen: string[] = [];
    const record = ({ headers }: Request) =>
      seen.push(
        ["authorization", "cookie", "x-other"].map((name) => headers.get(name) ?? "-").join(" "),
      );
    let first = "", second = "";
    const atFirst: Handler = (request, path) => {
      record(request);
      if (path === "/back") return new Response("end");
      return Response.redirect(path === "/" ? `${first}/here` : `${second}/there`);
    };
    const atSecond: Handler = (request) => {
      record(request);
      return Response.redirect(`${first}/back`);
    };
    await withServer(atFirst, async (firstUrl) => {
      await withServer(atSecond, async (secondUrl) => {
        [first, second] = [firstUrl, secondUrl];
        const headers = { Authorization: "a", COOKIE: "c", "X-Other": "x" };
        await fetchBounded(`${first}/`, options({ headers }));
        deepStrictEqual(seen, ["a c x", "a c x", "- - x", "- - x"]);
      });
    });
  },
);

everyWay(
  "T2 fetch stops reading a body that is too long, and takes one that just fits",
  async (fetchBounded) => {
    let sent = 0;
    let isCancelled = false;
    const endless = () =>
      new ReadableStream({
        pull(controller) {
          sent += 16 * KIB;
          controller.enqueue(new Uint8Array(16 * KIB));
        },
        cancel() {
          isCancelled = true;
        },
      });
    const handler: Handler = (_, path) =>
      new Response(path === "/fits" ? new Uint8Array(100 * KIB) : endless());
    await withServer(handler, async (url) => {
      await rejectsWith("too-large", fetchBounded(url, options()));
      strictEqual((await fetchBounded(`${url}/fits`, options())).bytes.length, 100 * KIB);
    });
    ok(isCancelled && sent < 50_000 * KIB, `${sent} bytes`);
  },
);

everyWay("T3 fetch stops a gzip bomb by what it inflates to", async (fetchBounded) => {
  const bomb = new Uint8Array(gzipSync(new Uint8Array(64 * KIB * KIB)));
  ok(bomb.length < 100 * KIB);
  const handler: Handler = () => new Response(bomb, { headers: { "content-encoding": "gzip" } });
  await withServer(handler, async (url) => {
    await rejectsWith("too-large", fetchBounded(url, options()));
  });
});

everyWay(
  "T4 fetch gives up at its deadline: silence, a slow head, a slow body",
  async (fetchBounded) => {
    const answers = [
      "",
      "HTTP/1.1 200 OK\r\nX-Slow: ",
      "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nd8:int",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nd8\r\n",
    ];
    for (const answer of answers) {
      await withRawServer(answer, false, async (url) => {
        await rejectsWith("timeout", fetchBounded(`${url}/${SECRET}`, options({ timeoutMs: 50 })));
      });
    }
  },
);

everyWay("T5 fetch rejects broken answers", async (fetchBounded) => {
  const answers = [
    "",
    "<html>hello</html>",
    "SSH-2.0-OpenSSH_9.0\r\n",
    "HTTP/1.1 200",
    "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nbody",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
  ];
  for (const answer of answers) {
    await withRawServer(answer, true, async (url) => {
      await rejectsWith("malformed", fetchBounded(`${url}/${SECRET}`, options()));
    });
  }
});

everyWay(
  "T5 fetch gives an empty body, and one that ends with the connection",
  async (fetchBounded) => {
    const answers = [
      ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""],
      ["HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end"],
    ] as const;
    for (const [answer, body] of answers) {
      await withRawServer(answer, true, async (url) => {
        const { bytes } = await fetchBounded(url, options());
        strictEqual(new TextDecoder().decode(bytes), body);
      });
    }
  },
);

everyWay(
  "fetch ends when it is aborted, while it waits and while it reads",
  async (fetchBounded) => {
    let abort = () => {};
    const released = Promise.withResolvers<Response>();
    const slowBody = () =>
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(10)),
        // Called when the first bytes are on their way; never answered.
        pull: () => new Promise<void>(() => abort()),
      });
    const handler: Handler = (_, path) => {
      if (path === "/reads") return new Response(slowBody());
      abort();
      return released.promise;
    };
    await withServer(handler, async (url) => {
      for (const path of ["/waits", "/reads"]) {
        const controller = new AbortController();
        abort = () => controller.abort();
        const fetching = fetchBounded(url + path, options({ signal: controller.signal }));
        await rejectsWith("aborted", fetching);
      }
      released.resolve(new Response());
    });
  },
);

Deno.test("T17 fetch says whether a host is unreachable or unknown", async () => {
  const port = freePort();
  await rejects(fetchDirectly(`http://127.0.0.1:${port}/${SECRET}`, options()), {
    failure: "unreachable",
    message: `Cannot fetch from 127.0.0.1:${port}: it is unreachable`,
  });
  await rejects(fetchDirectly(`http://no-such-name.invalid/${SECRET}`, options()), {
    failure: "unreachable",
    message: "Cannot fetch from no-such-name.invalid: its name is unknown",
  });
});

everyWay(
  "T18 fetch refuses a certificate that nobody it knows has signed",
  async (fetchBounded) => {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {}, ...SELF_SIGNED },
      () => new Response("hello"),
    );
    const url = `https://localhost:${server.addr.port}/${SECRET}`;
    await rejectsWith("untrusted", fetchBounded(url, options()));
    const plain = `http://127.0.0.1:${server.addr.port}/${SECRET}`;
    await rejectsWith("malformed", fetchBounded(plain, options()));
    await server.shutdown();
  },
);
