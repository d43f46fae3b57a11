import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { SystemClock, SystemRandom } from "../../../src/base/ambient.ts";
import { type NetworkOptions, Networks } from "../../../src/cli/environment/networks.ts";
import { parseProxy } from "../../../src/net/proxy.ts";
import { SocketRoom } from "../../../src/net/socket_room.ts";

const HERE = "127.0.0.1";

function open(options: Partial<NetworkOptions>, room = roomWith(1_000)): Networks {
  const environment = { clock: new SystemClock(), random: new SystemRandom(), room };
  const all = { bindAddress: HERE, proxy: undefined, noUtp: false, ...options };
  return new Networks(all, environment);
}

function roomWith(files: number): SocketRoom {
  return new SocketRoom({
    settled: () => Promise.resolve(),
    countFree: (most) => Math.min(most, files),
    onScarce: () => {},
  });
}

Deno.test("S8 Networks tells how many peers there is room for, by uTP and through proxies too", async () => {
  const socks = parseProxy("socks5://127.0.0.1:1080")!, http = parseProxy("http://127.0.0.1:8080")!;
  for (const options of [{}, { noUtp: true }, { proxy: socks }, { proxy: http }]) {
    const room = roomWith(30);
    const networks = open(options, room);
    strictEqual(networks.peers.maxPeers, Infinity);
    while (await room.take());
    strictEqual(networks.peers.maxPeers, room.maxPeers);
    await networks.close();
  }
});

Deno.test("Networks reaches peers by uTP too, unless it is off or a proxy carries no datagrams", async () => {
  const socks = parseProxy("socks5://127.0.0.1:1080")!, http = parseProxy("http://127.0.0.1:8080")!;
  const rows: [name: string, options: Partial<NetworkOptions>, hasUtp: boolean, hasUdp: boolean][] =
    [
      ["by default", {}, true, true],
      ["switched off", { noUtp: true }, false, true],
      ["through SOCKS5", { proxy: socks }, false, false],
      ["with a proxy for HTTP alone", { proxy: http }, true, true],
    ];
  for (const [name, options, hasUtp, hasUdp] of rows) {
    const networks = open(options);
    strictEqual(networks.peers.hasUtp === true, hasUtp, name);
    strictEqual(networks.hasDatagrams, hasUdp, name);
    strictEqual(networks.direct.hasUtp, undefined, name);
    await networks.close();
  }
});

Deno.test("Networks has the DHT and uTP on one port, that where peers are heard", async () => {
  const networks = open({});
  const listener = networks.peers.listen({ ports: [0], address: HERE });
  const dht = networks.sharedPort.open("dht", listener.port);
  const utp = networks.sharedPort.open("utp", listener.port);
  const ports = [dht, utp].map((sockets) => sockets.get("ipv4")?.port);
  deepStrictEqual(ports, [listener.port, listener.port]);
  for (const sockets of [dht, utp]) for (const socket of sockets.values()) socket.close();
  listener.close();
  await networks.close();
});
