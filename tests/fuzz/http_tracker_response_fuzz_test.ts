import { ok } from "node:assert/strict";
import { canonicalHost } from "../../src/base/endpoint.ts";
import { TrackerError } from "../../src/base/errors.ts";
import type { AnnounceResponse } from "../../src/tracker/announce.ts";
import { parseAnnounceResponse, refusalOf } from "../../src/tracker/http_codec.ts";
import { fuzz } from "./mutation.ts";

function parse(input: Uint8Array): AnnounceResponse | undefined {
  try {
    return parseAnnounceResponse(input);
  } catch (error) {
    ok(error instanceof TrackerError, `${error}`);
    ok(!/\p{Cc}/u.test(error.message));
    return undefined;
  }
}

Deno.test("fuzz: parseAnnounceResponse() gives valid peers and intervals, or throws TrackerError", () => {
  fuzz({
    corpus: "http_tracker_response",
    check(input) {
      const { words, retryInMs } = refusalOf(input) ?? { words: "", retryInMs: 0 };
      ok(!/\p{Cc}/u.test(words));
      ok(retryInMs === Infinity || (retryInMs >= 0 && retryInMs <= 86_400_000));
      const response = parse(input);
      if (response === undefined) return;
      ok(response.intervalMs >= 300_000 && response.intervalMs <= 86_400_000);
      ok((response.minIntervalMs ?? 10_000) >= 10_000);
      ok(!/\p{Cc}/u.test(response.warning ?? ""));
      for (const { host, port } of response.endpoints) {
        ok(canonicalHost(host) === host, host);
        ok(Number.isInteger(port) && port >= 1 && port <= 65_535);
      }
    },
  });
});
