import { deepStrictEqual, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { getUint32 } from "../../src/base/bytes.ts";
import type { IpFamily } from "../../src/base/endpoint.ts";
import { TrackerError } from "../../src/base/errors.ts";
import { parseUdpResponse } from "../../src/tracker/udp_codec.ts";
import { UdpSession } from "../../src/tracker/udp_session.ts";
import { announceRequest } from "../tracker/announce_samples.ts";
import { fuzz } from "./mutation.ts";

const KINDS = ["connect", "announce"] as const;
const FAMILIES: readonly IpFamily[] = ["ipv4", "ipv6"];

function checkParser(input: Uint8Array): void {
  const transactionId = input.length >= 8 ? getUint32(input, 4) : 0;
  for (const kind of KINDS) {
    for (const family of FAMILIES) {
      try {
        const response = parseUdpResponse(input, { kind, transactionId, family });
        ok(response?.kind !== "announced" || kind === "announce");
      } catch (error) {
        ok(error instanceof TrackerError && error.reason === "malformed", `${error}`);
      }
      const other = parseUdpResponse(input, { kind, transactionId: transactionId ^ 1, family });
      deepStrictEqual(other, undefined);
    }
  }
}

Deno.test("fuzz: parseUdpResponse() takes only what was asked for, or throws TrackerError", () => {
  fuzz({ corpus: "udp_tracker_response", check: checkParser });
});

Deno.test("fuzz: UdpSession survives any packet, and ends in time", () => {
  fuzz({
    corpus: "udp_tracker_response",
    check(input, random) {
      const session = new UdpSession({
        family: "ipv4",
        requestPath: "/",
        random: new SeededRandom(7),
      });
      let now = 0;
      let isOver = false;
      session.announce(announceRequest(), now);
      while (!isOver) {
        const packet = input.slice();
        for (const effect of session.drain()) {
          if (effect.kind !== "send") isOver = true;
          // As a rule the tracker's own transaction, so that its content is looked at.
          else if (packet.length >= 8 && random.below(8) > 0) {
            packet.set(effect.packet.subarray(12, 16), 4);
          }
        }
        session.handlePacket(packet, now);
        now = session.deadline() ?? now;
        ok(now < 300_000, "asks for ever");
        session.handleTimeout(now);
      }
    },
  });
});
