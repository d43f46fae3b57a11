import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { listFiles } from "../../../src/cli/files/file_list.ts";
import { CommandError } from "../../../src/cli/output/failure.ts";
import {
  parseTorrent,
  readSource,
  shownSource,
  type SourceOptions,
} from "../../../src/cli/source/source.ts";
import { HttpError } from "../../../src/net/http.ts";
import type { Proxy } from "../../../src/net/proxy.ts";
import { FakeEnvironment, type FakeOptions } from "../fake_environment.ts";
import { makeTorrent } from "../torrents.ts";

const TORRENT = makeTorrent({ name: "debian.iso" });

function read(source: string, options: FakeOptions, signal = new AbortController().signal) {
  const environment = new FakeEnvironment(options);
  const headers = [{ name: "Cookie", value: "id=1" }];
  return readTorrent(source, { environment, headers, proxy: undefined, signal });
}

async function refusal(source: string, options: FakeOptions) {
  try {
    await read(source, options);
  } catch (error) {
    ok(error instanceof CommandError, String(error));
    const { exitCode, retryable, detail } = error.failure;
    return { exitCode, retryable, detail };
  }
  throw new Error(`${source} was not refused`);
}

function httpAnswer(status: number, bytes = TORRENT): FakeOptions {
  return { fetch: (url) => Promise.resolve({ status, bytes, url }) };
}

async function readTorrent(source: string, options: SourceOptions) {
  return await parseTorrent(await readSource(source, options), source, options.environment);
}

Deno.test("readSource() reads a file, standard input and a URL", async () => {
  const seen: unknown[] = [];
  const sources: [string, FakeOptions][] = [
    ["a/x.torrent", { files: { "a/x.torrent": TORRENT } }],
    ["-", { stdin: TORRENT }],
    ["https://example.org/x.torrent", {
      fetch: (url, { headers }) => {
        seen.push(headers);
        return Promise.resolve({ status: 200, bytes: TORRENT, url });
      },
    }],
  ];
  for (const [source, options] of sources) {
    const torrent = await read(source, options);
    const { metainfo, paths, metainfoLength } = torrent;
    deepStrictEqual(metainfo.name, "debian.iso");
    deepStrictEqual(paths.root, "debian.iso");
    deepStrictEqual(Array.from(listFiles(torrent), ({ path, size }) => [path, size]), [[
      "debian.iso",
      100_000,
    ]]);
    deepStrictEqual(metainfoLength, TORRENT.length);
  }
  deepStrictEqual(seen, [{ Cookie: "id=1" }]);
});

Deno.test("readSource() has a proxy carry the request for a URL", async () => {
  const endpoint = { host: "192.0.2.9", port: 1080 };
  const proxy: Proxy = { kind: "socks5", endpoint };
  const asked: unknown[] = [];
  const environment = new FakeEnvironment({
    fetch: (url, options) => {
      asked.push(options.proxy);
      return Promise.resolve({ status: 200, bytes: TORRENT, url });
    },
  });
  const { signal } = new AbortController();
  const source = "https://example.org/x.torrent";
  await readTorrent(source, { environment, headers: [], proxy, signal });
  deepStrictEqual(asked, [proxy]);
});

Deno.test("readSource() names a file that is not there", async () => {
  deepStrictEqual(await refusal("nope", {}), {
    exitCode: 3,
    retryable: false,
    detail: "Cannot read nope: there is no such file",
  });
  const { detail } = await refusal("ftp://a.example/x.torrent", {});
  ok(detail.endsWith("x.torrent: only http(s) URLs are fetched"), detail);
});

Deno.test("M3 readSource() refuses what is no ordinary file, and what is too large", async () => {
  const pipe = await refusal("/dev/zero", { files: { "/dev/zero": "pipe" } });
  deepStrictEqual(pipe.exitCode, 3);
  ok(pipe.detail.includes("it is no ordinary file; a pipe is read from standard input"));
  const folder = await refusal("/", { usesDisk: true });
  deepStrictEqual([folder.exitCode, folder.detail], [3, "Cannot read /: it is a folder"]);
  const large = new Uint8Array(10_000_001);
  for (
    const [source, options] of [["x", { files: { x: large } }], ["-", { stdin: large }]] as const
  ) {
    const { exitCode, detail } = await refusal(source, options);
    deepStrictEqual(exitCode, 3);
    ok(detail.includes("larger than 10000000 bytes"), detail);
  }
});

Deno.test("M8 parseTorrent() names what was saved by mistake, with the source", async () => {
  const cases: [string | Uint8Array, string][] = [
    ["", "it is empty"],
    ["<!DOCTYPE html><title>Log in", "it is a web page"],
    [Uint8Array.of(0x1f, 0x8b, 8, 0), "it is compressed (gzip)"],
    ["x", "it is not bencoded"],
    ["d4:infoi1ee", "it has no info dictionary"],
    ["d4:info", "at byte 7"],
  ];
  for (const [content, words] of cases) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const { exitCode, detail } = await refusal("x.torrent", { files: { "x.torrent": bytes } });
    deepStrictEqual(exitCode, 3);
    ok(detail.startsWith("Cannot read x.torrent: ") && detail.includes(words), detail);
  }
});

Deno.test("readSource() tells a disk from a permission", async () => {
  const io = new Error("Input/output error (os error 5)");
  deepStrictEqual((await refusal("x", { files: { x: io } })).exitCode, 5);
  const denied = new Deno.errors.PermissionDenied("Permission denied (os error 13)");
  deepStrictEqual((await refusal("x", { files: { x: denied } })).exitCode, 5);
  const coded = Object.assign(denied, { code: "EACCES" });
  const { detail: words } = await refusal("x", { files: { x: coded } });
  deepStrictEqual(words, "Cannot read x: the system denies access to it");
  const forbidden = new Deno.errors.NotCapable(
    'Requires read access to "x", run again with the --allow-read flag',
  );
  const { exitCode, detail } = await refusal("x", { files: { x: forbidden } });
  deepStrictEqual(exitCode, 4);
  ok(detail.startsWith("Cannot read x: ") && detail.endsWith("--allow-read=x"), detail);
});

Deno.test("readSource() tells servers that may answer later from those that will not", async () => {
  const url = "http://example.org/x.torrent";
  const exitCodeOf = async (options: FakeOptions) => (await refusal(url, options)).exitCode;
  for (const status of [204, 400, 403, 404, 410]) {
    deepStrictEqual(await exitCodeOf(httpAnswer(status)), 3, `${status}`);
  }
  for (const status of [408, 429, 500, 503]) {
    deepStrictEqual(await exitCodeOf(httpAnswer(status)), 10, `${status}`);
  }
  const failing = (failure: HttpError["failure"]) => ({
    fetch: () => Promise.reject(new HttpError(failure, "Cannot fetch from example.org: …")),
  });
  for (const failure of ["unreachable", "timeout", "malformed"] as const) {
    deepStrictEqual(await exitCodeOf(failing(failure)), 10, failure);
  }
  for (const failure of ["untrusted", "redirects", "too-large", "unsupported-url"] as const) {
    deepStrictEqual(await exitCodeOf(failing(failure)), 3, failure);
  }
  const detailOf = async (words: string) => {
    const fetch = () => Promise.reject(new HttpError("timeout", words));
    return (await refusal(url, { fetch })).detail;
  };
  const subject = "Cannot fetch http://example.org/x.torrent:";
  for (
    const [words, fact] of [
      ["Cannot fetch from example.org: no answer", "no answer"],
      ["Cannot fetch from other.example:81: no answer", "other.example:81: no answer"],
      ["Cannot fetch: the URL is malformed", "the URL is malformed"],
    ] as const
  ) deepStrictEqual(await detailOf(words), `${subject} ${fact}; try again later`);
  const missing = { access: "net", target: "example.org", flag: "--allow-net" };
  deepStrictEqual(await exitCodeOf({ missing }), 4);
});

Deno.test("readSource() that is interrupted throws the reason, and takes the URL for no failure", async () => {
  const interruption = new AbortController();
  const fetch: FakeOptions["fetch"] = () => {
    interruption.abort(new Error("interrupted"));
    return Promise.reject(new HttpError("aborted", "Cannot fetch from example.org: cancelled"));
  };
  await rejects(read("https://example.org/x.torrent", { fetch }, interruption.signal), {
    message: "interrupted",
  });
});

Deno.test("T20 shownSource() shows no passkey", () => {
  deepStrictEqual(shownSource("-"), "standard input");
  deepStrictEqual(shownSource("a/x.torrent"), "a/x.torrent");
  deepStrictEqual(
    shownSource("https://user:secret@example.org/secret/x.torrent?passkey=secret"),
    "https://example.org/…/x.torrent",
  );
  deepStrictEqual(shownSource("https://example.org/dl/secret"), "https://example.org/…");
  // What is not there is not shown as hidden.
  deepStrictEqual(shownSource("http://h:80/x.torrent?k=secret"), "http://h/x.torrent");
  deepStrictEqual(shownSource("ftp://me:secret@h/x.torrent"), "ftp://h/x.torrent");
  const link = `magnet:?xt=urn:btih:${"ab".repeat(20)}`;
  deepStrictEqual(
    shownSource(`${link}&dn=a%20b&tr=http://t.example/secret/announce`),
    `${link}&dn=a%20b`,
  );
  deepStrictEqual(shownSource("magnet:?tr=http://t.example/secret/announce"), "magnet:?…");
  deepStrictEqual(shownSource("a\x1b[2J"), "a\\x1b[2J");
  deepStrictEqual(shownSource("what? a - b"), "what? a - b");
  deepStrictEqual(shownSource("C:/folder/x.torrent"), "C:/folder/x.torrent");
  const taken = [
    `<${link}&tr=http://t.example/secret/announce`,
    "ftp://me:secret@t.example/secret/x.torrent",
    "https:/t.example/secret",
    "<https://t.example/x.torrent?passkey=secret",
    "t.example/x.torrent?passkey=secret",
  ];
  deepStrictEqual(taken.map(shownSource), [
    "<magnet:?…",
    "ftp://t.example/…/x.torrent",
    "https:/t.example/…",
    "<https://t.example/…",
    "t.example/x.torrent?…",
  ]);
});

Deno.test("readSource() calls a standard input that cannot be read no torrent", async () => {
  const { exitCode, detail } = await refusal("-", {
    stdin: new Deno.errors.IsADirectory("a folder"),
  });
  deepStrictEqual(exitCode, 3);
  ok(detail.startsWith("Cannot read standard input"), detail);
});

Deno.test("readSource() gives a server the time that it is given", async () => {
  const environment = new FakeEnvironment({
    fetch: (_, { timeoutMs }) => Promise.reject(new HttpError("timeout", `within ${timeoutMs} ms`)),
  });
  const { signal } = new AbortController();
  const given = { environment, headers: [], proxy: undefined, signal };
  await rejects(readSource("http://a.example/x", { ...given, timeoutMs: 7 }), /within 7 ms/);
  await rejects(readSource("http://a.example/x", given), /within 30000 ms/);
});

Deno.test("readSource() gives up a standard input that never ends", async () => {
  const aborting = new AbortController();
  const reading = read("-", { stdin: "silent" }, aborting.signal);
  aborting.abort();
  deepStrictEqual(await reading.then(() => "read", (error) => error.name), "AbortError");
});
