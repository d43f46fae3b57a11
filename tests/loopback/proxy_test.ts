/** Connections through a SOCKS5 proxy of this machine, over real sockets. */
import { deepStrictEqual, rejects } from "node:assert/strict";
import { SystemClock } from "../../src/base/ambient.ts";
import { DenoNetwork } from "../../src/net/deno_network.ts";
import { proxiedNetwork } from "../../src/net/proxied_network.ts";
import type { Proxy } from "../../src/net/proxy.ts";
import type { Network } from "../../src/net/transport.ts";
import { freePort } from "./lab.ts";
import { startSocks5Proxy } from "./proxies.ts";

const LENGTH = 1_000_003;
const clock = new SystemClock();

function through(proxy: Proxy): Network {
  return proxiedNetwork(new DenoNetwork({ clock }), proxy, { clock });
}

function limits() {
  return { timeoutMs: 30_000, signal: new AbortController().signal };
}

/** A peer that says back what it hears, for one connection. */
function startEcho(hostname: string): { port: number; ended: Promise<void> } {
  const listener = Deno.listen({ hostname, port: 0 });
  const serve = async () => {
    const connection = await listener.accept();
    listener.close();
    await connection.readable.pipeTo(connection.writable);
  };
  return { port: listener.addr.port, ended: serve() };
}

Deno.test("proxiedNetwork() carries a stream both ways, to a name and to addresses", async () => {
  const targets = [["peer.fake", "127.0.0.1"], ["127.0.0.1", "127.0.0.1"], ["::1", "::1"]] as const;
  const login = { username: "mé", password: "p:@ss" };
  await using server = startSocks5Proxy({ login, names: { "peer.fake": "127.0.0.1" } });
  const ports: number[] = [];
  for (const [host, hostname] of targets) {
    const { port, ended } = startEcho(hostname);
    ports.push(port);
    const connection = await through(server.proxy).connect({ host, port }, limits());
    deepStrictEqual(connection.remote, { host, port });
    const sent = new Uint8Array(LENGTH).map((_, index) => index * 7);
    const writing = connection.write(sent);
    const heard = new Uint8Array(LENGTH);
    for (let length = 0; length < LENGTH;) {
      length += (await connection.read(heard.subarray(length)))!;
    }
    await writing;
    deepStrictEqual(heard, sent);
    connection.close();
    await ended;
  }
  const [named, ipv4, ipv6] = ports;
  const asked = [`peer.fake:${named}`, `127.0.0.1:${ipv4}`, `0:0:0:0:0:0:0:1:${ipv6}`];
  deepStrictEqual(server.asked, asked);
});

Deno.test("proxiedNetwork() tells a peer that is not there from a proxy that is not", async () => {
  const port = freePort();
  await using server = startSocks5Proxy();
  const connect = (proxy: Proxy, host: string) => through(proxy).connect({ host, port }, limits());
  await rejects(connect(server.proxy, "127.0.0.1"), { failure: "refused" });
  await rejects(connect(server.proxy, "nobody.fake"), { failure: "unreachable" });
  const absent: Proxy = { kind: "socks5", endpoint: { host: "127.0.0.1", port } };
  await rejects(connect(absent, "127.0.0.1"), {
    failure: "proxy",
    message: `Cannot connect to 127.0.0.1:${port} through socks5://127.0.0.1:${port}: ` +
      "the proxy cannot be reached: the connection is refused",
  });
});
