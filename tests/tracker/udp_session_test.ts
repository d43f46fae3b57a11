import { deepStrictEqual, equal, notEqual, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { getUint32 } from "../../src/base/bytes.ts";
import {
  encodeConnectResponse,
  encodeUdpAnnounceResponse,
  encodeUdpError,
} from "../../src/tracker/udp_codec.ts";
import { UdpSession } from "../../src/tracker/udp_session.ts";
import { announceRequest } from "./announce_samples.ts";

const connectionId = Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1);
const announced = {
  intervalMs: 1_800_000,
  counts: { seeders: 1, leechers: 2, downloaded: 3 },
  endpoints: [{ host: "10.0.0.1", port: 6881 }],
};

/** A session, and what it sends in words: `connect`, or `announce` and its connection id. */
class Harness {
  readonly session = new UdpSession({
    family: "ipv4",
    requestPath: "/announce",
    random: new SeededRandom(1),
  });
  now = 0;
  /** Of the last packet sent. */
  transactionId = -1;

  announce(): void {
    this.session.announce(announceRequest(), this.now);
  }

  drain(): string[] {
    return this.session.drain().map((effect) => {
      switch (effect.kind) {
        case "send":
          this.transactionId = getUint32(effect.packet, 12);
          return ["connect", "announce"][getUint32(effect.packet, 8)]!;
        case "answered":
          return `${effect.response.endpoints.length} peers`;
        case "failed":
          return `${effect.error.reason}: ${effect.error.message}`;
      }
    });
  }

  /** Lets time pass until the session's deadline, and what it does then. */
  timeout(): string[] {
    this.now = this.session.deadline()!;
    this.session.handleTimeout(this.now);
    return this.drain();
  }

  receive(packet: Uint8Array): string[] {
    ok(this.session.handlePacket(packet, this.now));
    return this.drain();
  }

  connected(): string[] {
    return this.receive(encodeConnectResponse(this.transactionId, connectionId));
  }

  announced(): string[] {
    return this.receive(encodeUdpAnnounceResponse(this.transactionId, announced));
  }

  error(message: string): string[] {
    return this.receive(encodeUdpError(this.transactionId, message));
  }
}

Deno.test("UdpSession connects, announces and gives the peers", () => {
  const harness = new Harness();
  harness.announce();
  deepStrictEqual(harness.drain(), ["connect"]);
  const first = harness.transactionId;
  deepStrictEqual(harness.connected(), ["announce"]);
  notEqual(harness.transactionId, first);
  deepStrictEqual(harness.announced(), ["1 peers"]);
  equal(harness.session.deadline(), undefined);
});

Deno.test("UdpSession tells the path of the tracker's address (BEP 41)", () => {
  const harness = new Harness();
  harness.announce();
  harness.drain();
  harness.session.handlePacket(
    encodeConnectResponse(harness.transactionId, connectionId),
    harness.now,
  );
  const [effect] = harness.session.drain();
  ok(effect?.kind === "send");
  const options = effect.packet.subarray(98);
  deepStrictEqual([options[0], options[1]], [2, "/announce".length]);
  equal(new TextDecoder().decode(options.subarray(2, 11)), "/announce");
});

Deno.test("announce() and cancel() leave nothing to do of the announce before", () => {
  const harness = new Harness();
  harness.announce();
  harness.announce();
  deepStrictEqual(harness.drain(), ["connect"]);
  harness.connected();
  harness.announce();
  harness.session.cancel();
  deepStrictEqual(harness.drain(), []);
});

Deno.test("UdpSession uses a connection id again within 60 s, and not after", () => {
  const harness = new Harness();
  harness.announce();
  harness.drain();
  harness.connected();
  harness.announced();
  harness.now = 59_999;
  harness.announce();
  deepStrictEqual(harness.drain(), ["announce"]);
  harness.announced();
  harness.now = 60_000;
  harness.announce();
  deepStrictEqual(harness.drain(), ["connect"]);
});

Deno.test("T13 UdpSession sends again after 15, 30 and 60 s, then has failed", () => {
  const harness = new Harness();
  harness.announce();
  deepStrictEqual(harness.drain(), ["connect"]);
  deepStrictEqual(harness.timeout(), ["connect"]);
  equal(harness.now, 15_000);
  deepStrictEqual(harness.timeout(), ["connect"]);
  equal(harness.now, 45_000);
  deepStrictEqual(harness.timeout(), ["timeout: no answer"]);
  equal(harness.now, 105_000);
});

Deno.test("T13 UdpSession repeats an announce as well, under the same transaction id", () => {
  const harness = new Harness();
  harness.announce();
  harness.drain();
  harness.connected();
  const { transactionId } = harness;
  deepStrictEqual(harness.timeout(), ["announce"]);
  equal(harness.transactionId, transactionId, "so that a late answer to the first one counts");
  deepStrictEqual(harness.timeout(), ["announce"]);
  deepStrictEqual(harness.announced(), ["1 peers"]);
});

Deno.test("T13 UdpSession connects anew when the connection id has expired while it waited", () => {
  const harness = new Harness();
  harness.announce();
  harness.drain();
  harness.connected();
  harness.announced();
  harness.now = 50_000;
  harness.announce();
  deepStrictEqual(harness.drain(), ["announce"]);
  deepStrictEqual(harness.timeout(), ["connect"]);
  equal(harness.now, 65_000);
  deepStrictEqual(harness.connected(), ["announce"]);
  deepStrictEqual(harness.announced(), ["1 peers"]);
});

Deno.test("UdpSession connects anew, once, when the tracker has forgotten an old connection", () => {
  const harness = new Harness();
  harness.announce();
  harness.drain();
  harness.connected();
  harness.announced();
  harness.announce();
  deepStrictEqual(harness.drain(), ["announce"]);
  deepStrictEqual(harness.error("connection id is not valid"), ["connect"]);
  deepStrictEqual(harness.connected(), ["announce"]);
  deepStrictEqual(harness.error("no such torrent"), ['failure-reason: it says "no such torrent"']);
});

Deno.test("T12 UdpSession fails with the tracker's words on action 3", () => {
  const harness = new Harness();
  harness.announce();
  harness.drain();
  deepStrictEqual(harness.error("go\x1b away"), ['failure-reason: it says "go\\x1b away"']);
});

Deno.test("T12 UdpSession fails when the peers are no whole number", () => {
  const harness = new Harness();
  harness.announce();
  harness.drain();
  harness.connected();
  const whole = encodeUdpAnnounceResponse(harness.transactionId, announced);
  deepStrictEqual(harness.receive(whole.subarray(0, -1)), [
    "malformed: its list of peers is broken",
  ]);
});

Deno.test("T14 UdpSession takes no notice of packets that it did not ask for", () => {
  const harness = new Harness();
  const forged = encodeConnectResponse(123, connectionId);
  equal(harness.session.handlePacket(forged, 0), false, "nothing is asked yet");
  harness.announce();
  harness.drain();
  const deadline = harness.session.deadline();
  for (let transactionId = 0; transactionId < 1_000; transactionId++) {
    equal(
      harness.session.handlePacket(encodeConnectResponse(transactionId, connectionId), 1),
      false,
    );
    equal(harness.session.handlePacket(encodeUdpError(transactionId, "x"), 1), false);
  }
  equal(harness.session.deadline(), deadline);
  deepStrictEqual(harness.drain(), []);
  deepStrictEqual(harness.connected(), ["announce"]);
});

Deno.test("T14 UdpSession draws a new random transaction id for each transaction", () => {
  const random = new SeededRandom(5);
  const session = new UdpSession({ family: "ipv4", requestPath: "/", random });
  const seen = new Set<number>();
  for (let i = 0; i < 100; i++) {
    session.announce(announceRequest(), i);
    const [effect] = session.drain();
    ok(effect?.kind === "send");
    seen.add(getUint32(effect.packet, 12));
  }
  equal(seen.size, 100);
});

Deno.test("UdpSession.cancel() ends the announce, and its late answer is ignored", () => {
  const harness = new Harness();
  harness.announce();
  harness.drain();
  harness.session.cancel();
  equal(harness.session.deadline(), undefined);
  const late = encodeConnectResponse(harness.transactionId, connectionId);
  equal(harness.session.handlePacket(late, 1), false);
  deepStrictEqual(harness.drain(), []);
});
