/** A gateway on this machine's loopback interface: PCP, NAT-PMP and UPnP, on real sockets. */
import { type Clock, SystemClock, SystemRandom } from "../../src/base/ambient.ts";
import { getUint16, getUint32, putUint16, putUint32 } from "../../src/base/bytes.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import { DenoNetwork } from "../../src/net/deno_network.ts";
import type { GatewayPlaces } from "../../src/net/gateway_search.ts";
import { type Asking, upnpWays, type Way } from "../../src/net/gateway_ways.ts";
import { MulticastSocket } from "../../src/net/multicast.ts";
import type { MappedProtocol } from "../../src/net/nat_pmp.ts";
import { PortMapping } from "../../src/net/port_mapping.ts";
import type { DatagramSocket, Network } from "../../src/net/transport.ts";

const HOST = "127.0.0.1";
const HURRY = 2;
/** What is mapped to another machine. */
export const ELSEWHERE = "127.0.0.2 0 s";
const SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1";
const PROTOCOLS: Readonly<Record<number, string>> = { 6: "TCP", 17: "UDP" };
const PMP_PROTOCOLS: Readonly<Record<number, string>> = { 1: "UDP", 2: "TCP" };

export interface GatewayHabits {
  readonly pcp?: boolean;
  readonly pmp?: boolean;
  readonly upnp?: boolean;
  /** The result code of PCP and NAT-PMP, or of UPnP's fault. */
  readonly code?: number;
  readonly externalPort?: number;
  /** NAT-PMP: nothing is opened for UDP (2). */
  readonly refusesUdp?: boolean;
  /** UPnP: mappings with an end are refused (725). */
  readonly onlyPermanent?: boolean;
  /** UPnP: mappings of another machine, like `TCP 6881`; they are refused (718). */
  readonly taken?: readonly string[];
}

export class TestGateway implements AsyncDisposable {
  /** Like `TCP 6881` to `127.0.0.1 7200 s`: the mappings that are there. */
  readonly mappings = new Map<string, string>();
  /** What was asked, in order, by the first word of the way. */
  readonly asked: string[] = [];
  readonly places: Required<GatewayPlaces>;
  readonly #habits: GatewayHabits;
  readonly #sockets: DatagramSocket[];
  readonly #web: Deno.HttpServer<Deno.NetAddr>;
  readonly #loops: Promise<void>[];

  constructor(habits: GatewayHabits) {
    this.#habits = habits;
    for (const entry of habits.taken ?? []) this.mappings.set(entry, ELSEWHERE);
    const udp = () => real.openDatagram({ address: HOST });
    const [gateway, ssdp] = [udp(), udp()];
    this.#sockets = [gateway, ssdp];
    this.places = { gatewayPort: gateway.port, ssdp: { host: HOST, port: ssdp.port } };
    this.#web = Deno.serve(
      { hostname: HOST, port: 0, onListen: () => {} },
      (request) => this.#serve(request),
    );
    this.#loops = [
      answer(gateway, (bytes) => this.#answerDatagram(bytes)),
      answer(ssdp, (bytes) => this.#answerSearch(bytes)),
    ];
  }

  /** A mapping that only knows of this gateway, and what it says. */
  createMapping(): { mapping: PortMapping; lines: string[]; said: Promise<void> } {
    const lines: string[] = [];
    const said = Promise.withResolvers<void>();
    const mapping = new PortMapping({
      network: loopback,
      clock: hurried,
      random: new SystemRandom(),
      onLog: (line) => {
        lines.push(line);
        said.resolve();
      },
      places: this.places,
    });
    return { mapping, lines, said: said.promise };
  }

  /** Its way by UPnP, found anew, and what to ask it with. */
  async findUpnp(opened: Map<MappedProtocol, number>): Promise<{ way: Way; asking: Asking }> {
    const { signal } = new AbortController();
    const asking = { network: loopback, clock, signal };
    const description = new URL(`http://${HOST}:${this.#web.addr.port}/root.xml`);
    const options = { localHost: HOST, random: new SystemRandom(), opened };
    const [way] = await upnpWays(description, options, asking);
    return { way: way!, asking };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    await Promise.all([...this.#loops, this.#web.shutdown()]);
  }

  #answerDatagram(request: Uint8Array): Uint8Array | undefined {
    const { pcp = false, pmp = false, refusesUdp = false, code = 0 } = this.#habits;
    if (request[0] === 2) {
      if (!pcp) return pmp ? Uint8Array.of(0, 0x81, 0, 1, 0, 0, 0, 0) : undefined;
      const reply = request.slice();
      reply[1]! |= 0x80;
      reply[2] = 0;
      reply[3] = code;
      putUint32(reply, 8, 1);
      reply.fill(0, 12, 24);
      putUint16(
        reply,
        42,
        this.#map("PCP", PROTOCOLS[request[36]!]!, getUint16(request, 40), {
          host: [...request.subarray(20, 24)].join("."),
          lifetimeS: getUint32(request, 4),
        }),
      );
      return reply;
    }
    if (!pmp) return undefined;
    const reply = new Uint8Array(16);
    reply[1] = request[1]! | 0x80;
    if (refusesUdp && PMP_PROTOCOLS[request[1]!] === "UDP") {
      putUint16(reply, 2, 2);
      return reply;
    }
    putUint16(reply, 2, code);
    reply.set(request.subarray(4, 6), 8);
    const lifetimeS = getUint32(request, 8);
    const protocol = PMP_PROTOCOLS[request[1]!]!;
    const host = HOST;
    putUint16(reply, 10, this.#map("PMP", protocol, getUint16(request, 4), { host, lifetimeS }));
    putUint32(reply, 12, lifetimeS);
    return reply;
  }

  #map(
    way: string,
    protocol: string,
    port: number,
    { host, lifetimeS }: { host: string; lifetimeS: number },
  ): number {
    const { code = 0, externalPort = port } = this.#habits;
    this.asked.push(`${way} ${protocol}`);
    if (lifetimeS === 0 && way !== "UPnP") this.mappings.delete(`${protocol} ${port}`);
    else if (code === 0) this.mappings.set(`${protocol} ${port}`, `${host} ${lifetimeS} s`);
    return externalPort;
  }

  #answerSearch(request: Uint8Array): Uint8Array | undefined {
    const text = new TextDecoder().decode(request);
    const target = /^ST: (.*:InternetGatewayDevice:1)\r$/m.exec(text)?.[1];
    if (!this.#habits.upnp || target === undefined) return undefined;
    const location = `http://${HOST}:${this.#web.addr.port}/root.xml`;
    const lines = ["HTTP/1.1 200 OK", `LOCATION: ${location}`, `ST: ${target}`, "EXT:", "", ""];
    return new TextEncoder().encode(lines.join("\r\n"));
  }

  async #serve(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === "/root.xml") {
      return new Response(
        "<root><device><serviceList><service><serviceType>urn:x:other:1</serviceType>" +
          `<controlURL>/other</controlURL></service><service><serviceType>${SERVICE}` +
          "</serviceType><controlURL>/control?a=1&amp;b=2</controlURL></service></serviceList>" +
          "</device></root>",
      );
    }
    const body = await request.text();
    const field = (name: string) => new RegExp(`<New${name}>([^<]*)</New${name}>`).exec(body)?.[1];
    const [protocol, port] = [field("Protocol")!, Number(field("ExternalPort"))];
    const { code = 0, onlyPermanent = false } = this.#habits;
    if (request.headers.get("soapaction") === `"${SERVICE}#DeletePortMapping"`) {
      this.mappings.delete(`${protocol} ${port}`);
      return new Response("<ok/>");
    }
    const lifetimeS = Number(field("LeaseDuration"));
    const isTaken = this.mappings.get(`${protocol} ${port}`) === ELSEWHERE;
    const fault = isTaken ? 718 : onlyPermanent && lifetimeS > 0 ? 725 : code;
    if (fault !== 0) {
      this.asked.push(`UPnP ${protocol}`);
      return new Response(`<UPnPError><errorCode>${fault}</errorCode></UPnPError>`, {
        status: 500,
      });
    }
    this.#map("UPnP", protocol, port, { host: field("InternalClient")!, lifetimeS });
    return new Response("<ok/>");
  }
}

const clock = new SystemClock();
const real = new DenoNetwork({ clock });

/** Waits for what does not come are shorter here. */
const hurried: Clock = {
  now: () => clock.now(),
  wallTime: () => clock.wallTime(),
  sleep: (durationMs, signal) => clock.sleep(durationMs / HURRY, signal),
};

/** The real network, whose multicast stays on the loopback interface. */
const loopback: Network = {
  connect: (to, options) => real.connect(to, options),
  listen: (options) => real.listen(options),
  openDatagram: (options) => real.openDatagram(options),
  openMulticast: ({ group, port }) =>
    Promise.resolve(new MulticastSocket({ group, port, clock, interfaces: [HOST] })),
  resolve: (name) => real.resolve(name),
};

async function answer(
  socket: DatagramSocket,
  reply: (bytes: Uint8Array) => Uint8Array | undefined,
): Promise<void> {
  const buffer = new Uint8Array(2_000);
  while (true) {
    const received: { length: number; from: Endpoint } | null = await socket.receive(buffer);
    if (received === null) return;
    const answer = reply(buffer.slice(0, received.length));
    if (answer !== undefined) await socket.send(answer, received.from);
  }
}
