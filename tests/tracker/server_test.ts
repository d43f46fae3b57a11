import { deepStrictEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { SeededRandom, SystemClock } from "../../src/base/ambient.ts";
import { concatBytes, getUint32 } from "../../src/base/bytes.ts";
import { DenoNetwork } from "../../src/net/deno_network.ts";
import { ConnectError } from "../../src/net/transport.ts";
import { announceUrl, parseAnnounceResponse } from "../../src/tracker/http_codec.ts";
import { TrackerServer, type TrackerServerOptions } from "../../src/tracker/server.ts";
import {
  encodeAnnounceRequest,
  encodeConnectRequest,
  encodeConnectResponse,
} from "../../src/tracker/udp_codec.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { announceRequest, ascii, infoHash } from "./announce_samples.ts";

const network = new DenoNetwork({ clock: new SystemClock() });

function makeServer(options: Partial<TrackerServerOptions> = {}): TrackerServer {
  const clock = new SystemClock();
  return new TrackerServer({ network, clock, random: new SeededRandom(1), ...options });
}

/** Sends raw bytes over TCP; all that comes back until the server closes. */
async function exchange(port: number, bytes: Uint8Array, hostname = "127.0.0.1"): Promise<string> {
  using connection = await Deno.connect({ hostname, port });
  await connection.write(bytes);
  let text = "";
  const buffer = new Uint8Array(4_096);
  for (let read; (read = await connection.read(buffer)) !== null;) {
    text += new TextDecoder("latin1").decode(buffer.subarray(0, read));
  }
  return text;
}

async function fetchAnnounce(url: string, port: number) {
  const response = await fetch(announceUrl(url, announceRequest({ port })));
  return parseAnnounceResponse(new Uint8Array(await response.arrayBuffer()));
}

Deno.test("TrackerServer answers over HTTP and UDP, on IPv4 and IPv6, on one port", async () => {
  const server = makeServer({ addresses: ["127.0.0.1", "::1"], intervalMs: 600_000 });
  const { port } = server;
  deepStrictEqual(server.announceUrls, [
    `http://127.0.0.1:${port}/announce`,
    `udp://127.0.0.1:${port}/announce`,
    `http://[::1]:${port}/announce`,
    `udp://[::1]:${port}/announce`,
  ]);
  for (const host of ["127.0.0.1", "::1"]) {
    const url = server.announceUrls[host === "::1" ? 2 : 0]!;
    await fetchAnnounce(url, 7001);
    const { endpoints, intervalMs } = await fetchAnnounce(url, 7002);
    deepStrictEqual([endpoints, intervalMs], [[{ host, port: 7001 }], 600_000]);
    const socket = network.openDatagram({ address: host });
    const ask = async (packet: Uint8Array) => {
      await socket.send(packet, { host, port });
      const buffer = new Uint8Array(2_000);
      const received = await socket.receive(buffer);
      return buffer.slice(0, received!.length);
    };
    const connected = await ask(encodeConnectRequest(7));
    const id = connected.slice(8);
    deepStrictEqual(connected, encodeConnectResponse(7, id));
    const announced = await ask(encodeAnnounceRequest(id, 8, announceRequest({ port: 7003 }), "/"));
    equal(announced.length, 20 + 2 * (host === "::1" ? 18 : 6), "both HTTP clients");
    socket.close();
  }
  await server.close();
});

Deno.test("TrackerServer listens on the port that it is given, or says that it is taken", async () => {
  const first = makeServer();
  throws(() => makeServer({ port: first.port }), (error: ConnectError) => {
    return error instanceof ConnectError && error.failure === "limit";
  });
  const { port } = first;
  await first.close();
  const second = makeServer({ port });
  equal(second.port, port);
  await second.close();
});

Deno.test("TrackerServer closes what it opened when an address is not to be had", () => {
  // The sanitizer of resources finds what is left open.
  throws(() => makeServer({ addresses: ["127.0.0.1", "203.0.113.7"] }), ConnectError);
});

Deno.test("TrackerServer serves the allowed torrents alone", async () => {
  const server = makeServer({ allowed: new Set([infoHash.toHex().replace(/^00/, "01")]) });
  await rejects(fetchAnnounce(server.announceUrls[0]!, 7001), /not served here/);
  await server.close();
});

Deno.test("TrackerServer survives what is no HTTP", async () => {
  const server = makeServer();
  const { port } = server;
  const bad = "HTTP/1.1 400 Bad Request";
  ok((await exchange(port, ascii("\r\n\r\n"))).startsWith(bad));
  ok((await exchange(port, ascii("POST / HTTP/1.1\r\n\r\n"))).startsWith(bad));
  equal(await exchange(port, new Uint8Array(8_192)), "", "no end of the head");
  using gone = await Deno.connect({ hostname: "127.0.0.1", port });
  await gone.write(ascii("GET /ann"));
  gone.close();
  ok((await exchange(port, ascii("GET / HTTP/1.1\r\n\r\n"))).startsWith("HTTP/1.1 404"));
  await server.close();
});

Deno.test("TrackerServer reads a request that comes byte by byte", async () => {
  const server = makeServer();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  connection.setNoDelay(true);
  for (const byte of ascii("GET /scrape HTTP/1.0\r\nHost: t\r\n\r\n")) {
    await connection.write(Uint8Array.of(byte));
  }
  const buffer = new Uint8Array(1_000);
  const length = await connection.read(buffer);
  ok(new TextDecoder().decode(buffer.subarray(0, length!)).endsWith("info_hash is missinge"));
  await server.close();
});

Deno.test("T4 TrackerServer ends a connection that says nothing for 10 s", async () => {
  const clock = new ManualClock();
  const server = makeServer({ clock });
  using silent = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await silent.write(ascii("GET /announce"));
  let isEnded = false;
  const ended = silent.read(new Uint8Array(1)).then((read) => {
    isEnded = true;
    return read;
  });
  // The connection is accepted in real time, so simulated time passes until it has been.
  while (!isEnded) await clock.run(() => isEnded, 10_000);
  equal(await ended, null);
  await server.close();
});

Deno.test("TrackerServer.close() ends connections that are still open", async () => {
  const server = makeServer();
  using silent = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await silent.write(ascii("GET "));
  await exchange(server.port, ascii("\r\n\r\n"));
  await server.close();
  equal(await silent.read(new Uint8Array(1)), null);
});

Deno.test("TrackerServer turns further connections away while it serves 256", async () => {
  // Its clock stands still, so that nobody's time is over before all are here.
  const server = makeServer({ clock: new ManualClock() });
  const open: Deno.TcpConn[] = [];
  for (let i = 0; i < 256; i++) {
    open.push(await Deno.connect({ hostname: "127.0.0.1", port: server.port }));
  }
  equal(await exchange(server.port, ascii("\r\n\r\n")).catch(() => ""), "");
  for (const connection of open) connection.close();
  let answer = "";
  while (answer === "") {
    answer = await exchange(server.port, ascii("\r\n\r\n")).catch(() => "");
  }
  ok(answer.startsWith("HTTP/1.1 400"));
  await server.close();
});

Deno.test("T14 TrackerServer survives a flood of packets", async () => {
  const server = makeServer();
  const random = new SeededRandom(3);
  const socket = network.openDatagram({ address: "127.0.0.1" });
  const to = { host: "127.0.0.1", port: server.port };
  const announce = encodeAnnounceRequest(new Uint8Array(8), 1, announceRequest(), "");
  for (let i = 0; i < 3_000; i++) {
    const noise = random.bytes(random.below(200));
    await socket.send(i % 3 === 0 ? announce : noise, to);
    await socket.send(concatBytes(encodeConnectRequest(i), noise), to);
  }
  const buffer = new Uint8Array(2_000);
  do {
    await socket.send(encodeConnectRequest(0xabcdef), to);
    ok(await socket.receive(buffer) !== null);
  } while (getUint32(buffer, 0) !== 0 || getUint32(buffer, 4) !== 0xabcdef);
  const { endpoints } = await fetchAnnounce(server.announceUrls[0]!, 7001);
  deepStrictEqual(endpoints, []);
  socket.close();
  await server.close();
});
