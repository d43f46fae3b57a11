import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { concatBytes } from "../../src/base/bytes.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import { proxiedNetwork } from "../../src/net/proxied_network.ts";
import type { Proxy } from "../../src/net/proxy.ts";
import { ConnectError, type Connection, type Network } from "../../src/net/transport.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { ScriptedConnection } from "./scripted_connection.ts";

const PROXY: Proxy = {
  kind: "socks5",
  endpoint: { host: "192.0.2.9", port: 1080 },
  username: "me",
  password: "hunter2",
};
const PEER: Endpoint = { host: "peer.example", port: 6881 };
const WELCOME = Uint8Array.of(5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0);

/** Gives one connection, to whoever connects to the proxy; fails when anything else is asked. */
class OnlyTheProxy implements Network {
  readonly asked: Endpoint[] = [];
  readonly #give: (signal: AbortSignal) => Promise<Connection>;

  constructor(give: (signal: AbortSignal) => Promise<Connection>) {
    this.#give = give;
  }

  connect(to: Endpoint, { signal }: { signal: AbortSignal }): Promise<Connection> {
    this.asked.push(to);
    return this.#give(signal);
  }

  listen(): never {
    throw new Error("listens around the proxy");
  }

  openDatagram(): never {
    throw new Error("opens UDP around the proxy");
  }

  openMulticast(): never {
    throw new Error("opens multicast around the proxy");
  }

  resolve(): never {
    throw new Error("looks a name up around the proxy");
  }
}

function harness(given: Connection | Error) {
  const clock = new ManualClock();
  const only = new OnlyTheProxy(() =>
    given instanceof Error ? Promise.reject(given) : Promise.resolve(given)
  );
  const network = proxiedNetwork(only, PROXY, { clock });
  const controller = new AbortController();
  const connect = () => network.connect(PEER, { timeoutMs: 10_000, signal: controller.signal });
  return { clock, network, only, controller, connect };
}

Deno.test("proxiedNetwork() connects to the proxy alone, and passes the name on", async () => {
  const stream = Uint8Array.of(1, 2, 3);
  const raw = new ScriptedConnection([concatBytes(WELCOME, stream)]);
  const { only, connect } = harness(raw);
  const connection = await connect();
  deepStrictEqual(only.asked, [PROXY.endpoint]);
  deepStrictEqual(connection.remote, PEER);
  ok(new TextDecoder("latin1").decode(raw.written).includes("peer.example"));
  const buffer = new Uint8Array(10);
  strictEqual(await connection.read(buffer), 3);
  deepStrictEqual(buffer.subarray(0, 3), stream);
  raw.written = new Uint8Array(0);
  await connection.write(stream);
  deepStrictEqual(raw.written, stream);
  connection.close();
  ok(raw.isClosed);
});

Deno.test("S14 proxiedNetwork() says what went wrong with whom, and no password", async () => {
  const rows: readonly (readonly [Connection | Error, string, string])[] = [
    [
      new ConnectError("refused", "Cannot connect to 192.0.2.9:1080: the connection is refused"),
      "proxy",
      "the proxy cannot be reached: the connection is refused",
    ],
    [
      new ConnectError("exhausted", "Cannot connect to 192.0.2.9:1080: too many files are open"),
      "exhausted",
      "the proxy cannot be reached: too many files are open",
    ],
    [
      new ScriptedConnection([Uint8Array.of(5, 2, 1, 1)]),
      "proxy",
      "the proxy refuses the user name or the password",
    ],
    [
      new ScriptedConnection([Uint8Array.of(5, 0, 5, 5, 0, 1)]),
      "refused",
      "the connection is refused",
    ],
    [new ScriptedConnection([]), "proxy", "the proxy closes the connection"],
  ];
  for (const [given, failure, reason] of rows) {
    const { connect } = harness(given);
    await rejects(connect(), {
      name: "ConnectError",
      failure,
      message: `Cannot connect to peer.example:6881 through socks5://192.0.2.9:1080: ${reason}`,
    });
    if (given instanceof ScriptedConnection) ok(given.isClosed, reason);
  }
});

Deno.test("proxiedNetwork() gives up on a proxy that stays silent, at its deadline", async () => {
  const raw = new ScriptedConnection([Uint8Array.of(5)], "waits");
  const { clock, connect } = harness(raw);
  let failure: unknown;
  connect().catch((error) => failure = error.failure);
  await clock.run(() => failure !== undefined, 60_000);
  deepStrictEqual([failure, clock.now(), raw.isClosed], ["timeout", 10_000, true]);
});

Deno.test("proxiedNetwork() gives up when it is told to, wherever it is", async () => {
  const raw = new ScriptedConnection([], "waits");
  const { controller, connect } = harness(raw);
  const connecting = connect();
  controller.abort();
  await rejects(connecting, { failure: "aborted" });
  ok(raw.isClosed);
});

Deno.test("proxiedNetwork() listens nowhere, opens no UDP and looks nothing up", async () => {
  const { network } = harness(new Error("unused"));
  const listener = network.listen({ ports: [6881] });
  strictEqual(listener.port, 1);
  const iterating = (async () => {
    for await (const connection of listener) ok(connection === undefined, "somebody came");
  })();
  listener.close();
  await iterating;
  const refusal = {
    name: "ConnectError",
    message: "Cannot open a UDP port: a proxy is set, and UDP does not go through it",
  };
  throws(() => network.openDatagram({}), refusal);
  await rejects(network.openMulticast({ group: "239.192.152.143", port: 6771 }), refusal);
  deepStrictEqual(await network.resolve("tracker.example"), []);
});

Deno.test("proxiedNetwork() leaves the network as it is when the proxy is for HTTP alone", () => {
  const { only, clock } = harness(new Error("unused"));
  strictEqual(proxiedNetwork(only, { ...PROXY, kind: "http" }, { clock }), only);
});
