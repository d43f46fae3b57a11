import { ok } from "node:assert/strict";
import { TrackerError } from "../../src/base/errors.ts";
import {
  hideSecrets,
  parseTrackerUrl,
  redactTrackerUrl,
  type TrackerUrl,
} from "../../src/tracker/tracker_url.ts";
import { fuzz } from "./mutation.ts";

function parse(text: string): TrackerUrl | undefined {
  try {
    return parseTrackerUrl(text);
  } catch (error) {
    ok(error instanceof TrackerError && error.reason === "unsupported-url", `${error}`);
    return undefined;
  }
}

Deno.test("fuzz: parseTrackerUrl() gives what can be asked, or throws TrackerError", () => {
  fuzz({
    corpus: "tracker_url",
    check(input) {
      const text = new TextDecoder().decode(input);
      const shown = redactTrackerUrl(text);
      ok(shown.length <= 100 && !/[\p{Cc}?]./u.test(shown.replace(/\?…$/, "")), shown);
      const url = parse(text);
      if (url === undefined) return;
      ok(url.host !== "" && url.requestPath.startsWith("/"));
      ok(Number.isInteger(url.port) && url.port >= 1 && url.port <= 65_535);
      ok(url.scope !== "invalid" && url.scope !== "link-local");
      hideSecrets("any words", url);
    },
  });
});
