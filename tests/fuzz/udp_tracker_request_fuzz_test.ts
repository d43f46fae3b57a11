import { ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { parseUdpRequest } from "../../src/tracker/udp_codec.ts";
import { SwarmRegistry } from "../../src/tracker/swarm_registry.ts";
import { UdpService } from "../../src/tracker/udp_service.ts";
import { encodeConnectRequest } from "../../src/tracker/udp_codec.ts";
import { fuzz } from "./mutation.ts";

const client = { host: "10.0.0.1", port: 5000 };

Deno.test("fuzz: UdpService answers or ignores any packet, and gives strangers no more than they sent", () => {
  const random = new SeededRandom(1);
  const options = { random, intervalMs: 900_000 };
  const service = new UdpService(new SwarmRegistry(options), options);
  const connectionId = service.answer(encodeConnectRequest(1), client, 0)!.subarray(8);
  fuzz({
    corpus: "udp_tracker_request",
    check(input) {
      const answer = service.answer(input, client, 0);
      ok((answer === undefined) === (parseUdpRequest(input) === undefined));
      ok((answer?.length ?? 0) <= input.length);
      if (input.length < 16) return;
      // The same from one who has connected, so that the registry is reached.
      const known = input.slice();
      known.set(connectionId);
      ok((service.answer(known, client, 0)?.length ?? 0) <= 1_400);
    },
  });
});
