import { ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { HttpService } from "../../src/tracker/http_service.ts";
import { SwarmRegistry } from "../../src/tracker/swarm_registry.ts";
import { fuzz } from "./mutation.ts";

Deno.test("fuzz: HttpService answers any request, with HTTP", () => {
  const options = { random: new SeededRandom(1), intervalMs: 900_000 };
  const service = new HttpService(new SwarmRegistry(options), options);
  fuzz({
    corpus: "http_tracker_request",
    check(input, random) {
      const head = new TextDecoder("latin1").decode(input);
      const host = random.below(2) === 0 ? "10.0.0.1" : "2001:db8::1";
      const answer = new TextDecoder("latin1").decode(service.answer(head, host, 0));
      ok(/^HTTP\/1\.1 (200 OK|400 Bad Request|404 Not Found)\r\n/.test(answer));
      ok(answer.includes("\r\n\r\n"));
    },
  });
});
