import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { ProtocolError } from "../../src/base/errors.ts";
import { ConnectError, type Connection, type Network } from "../../src/net/transport.ts";
import { askGateway } from "../../src/net/upnp_http.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { ScriptedConnection } from "./scripted_connection.ts";

const URL_OF_GATEWAY = new URL("http://192.168.1.1:5000/root.xml?a=1");
const MAX_ANSWER_LENGTH = 65_536;

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Asks over a connection, and lets time pass until there is an answer. */
async function ask(
  connection: Connection | (() => never),
  { url = URL_OF_GATEWAY, clock = new ManualClock() } = {},
) {
  const tried: string[] = [];
  const network = {
    connect({ host, port }: { host: string; port: number }) {
      tried.push(`${host}:${port}`);
      return Promise.resolve().then(() =>
        typeof connection === "function" ? connection() : connection
      );
    },
  } as unknown as Network;
  const { signal } = new AbortController();
  let isOver = false;
  const asking = askGateway(url, undefined, { network, clock, signal })
    .finally(() => isOver = true);
  asking.catch(() => {});
  await clock.run(() => isOver, 60_000);
  ok(isOver, "it ends");
  return { answer: await asking, tried, tookMs: clock.now() };
}

Deno.test("askGateway() takes an answer once it is whole, cut anywhere, or the connection ends", async () => {
  const whole = bytesOf("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  for (let cut = 0; cut <= whole.length; cut++) {
    const chunks = [whole.slice(0, cut), whole.slice(cut)].filter(({ length }) => length > 0);
    const connection = new ScriptedConnection(chunks, "waits");
    const { answer, tried, tookMs } = await ask(connection);
    deepStrictEqual(answer, { status: 200, text: "hi", isWhole: true });
    deepStrictEqual([tried, tookMs, connection.isClosed], [["192.168.1.1:5000"], 0, true]);
  }
  const open = new ScriptedConnection([bytesOf("HTTP/1.0 500 No\r\n\r\nwhy")]);
  deepStrictEqual((await ask(open)).answer, { status: 500, text: "why", isWhole: false });
  const text = new TextDecoder().decode(open.written);
  ok(text.startsWith("GET /root.xml?a=1 HTTP/1.0\r\nHost: 192.168.1.1:5000\r\n"), text);
});

Deno.test("askGateway() waits three seconds for an answer, and closes the connection", async () => {
  const silent = new ScriptedConnection([], "waits");
  const { answer, tookMs } = await ask(silent);
  deepStrictEqual([answer, tookMs, silent.isClosed], [undefined, 3_000, true]);
});

Deno.test("askGateway() reads no more than an answer may have", async () => {
  const head = bytesOf("HTTP/1.1 200 OK\r\n\r\n");
  const connection = new ScriptedConnection([head, new Uint8Array(10 * MAX_ANSWER_LENGTH)]);
  const { answer } = await ask(connection);
  const length = answer!.text.length + head.length;
  ok(length >= MAX_ANSWER_LENGTH && length < MAX_ANSWER_LENGTH + 4_096, `${length} bytes`);
  strictEqual(connection.isClosed, true);
});

Deno.test("askGateway() has no answer of a gateway that is not there, or hangs up", async () => {
  const failures = [
    new ConnectError("refused", "Cannot connect"),
    new ProtocolError("remote-closed", "Cannot read"),
  ];
  for (const error of failures) {
    const { answer } = await ask(() => {
      throw error;
    });
    strictEqual(answer, undefined);
  }
  const mistake = () => {
    throw new TypeError("a mistake");
  };
  await rejects(ask(mistake), { message: "a mistake" });
  const nowhere = await ask(mistake, { url: new URL("http://192.168.1.1:0/") });
  deepStrictEqual([nowhere.answer, nowhere.tried], [undefined, []]);
});
