/**
 * Proxies of this machine for tests: they write down what they are asked for, look names up by a
 * table of their own, and end every connection with the test.
 */
import { concatBytes } from "../../src/base/bytes.ts";
import type { Proxy } from "../../src/net/proxy.ts";

export interface TestProxy extends AsyncDisposable {
  readonly proxy: Proxy;
  /** `host:port` of every connection that was asked for, as it was asked for. */
  readonly asked: string[];
}

export interface TestProxyOptions {
  /** What clients must know. */
  readonly login?: { readonly username: string; readonly password: string };
  /** Addresses by name; names that are not in it are unknown. */
  readonly names?: Readonly<Record<string, string>>;
}

const USERNAME_PASSWORD = 2;
const REPLY_REFUSED = 5, REPLY_UNKNOWN_HOST = 4;

/** A SOCKS5 proxy with CONNECT (RFC 1928) and user names (RFC 1929). */
export function startSocks5Proxy(options: TestProxyOptions = {}): TestProxy {
  return new LocalProxy("socks5", options, async (client, connect) => {
    const [, methodCount] = await client.take(2);
    const methods = await client.take(methodCount!);
    const method = options.login === undefined ? 0 : USERNAME_PASSWORD;
    if (!methods.includes(method)) return void await client.say(5, 255);
    await client.say(5, method);
    if (options.login !== undefined) {
      await client.take(1);
      const username = await client.takeText();
      const isRight = username === options.login.username &&
        await client.takeText() === options.login.password;
      await client.say(1, isRight ? 0 : 1);
      if (!isRight) return;
    }
    const [, , , addressType] = await client.take(4);
    const host = addressType === 3
      ? await client.takeText()
      : addressOf(await client.take(addressType === 1 ? 4 : 16));
    const [high, low] = await client.take(2);
    const outcome = await connect(host, high! * 256 + low!);
    const reply = outcome === "unknown" ? REPLY_UNKNOWN_HOST : REPLY_REFUSED;
    if (typeof outcome === "string") {
      return void await client.say(5, reply, 0, 1, ...Array(6).fill(0));
    }
    await client.say(5, 0, 0, 1, 127, 0, 0, 1, 0x12, 0x34);
    return outcome;
  });
}

/** An HTTP proxy with CONNECT, and with requests for absolute URLs. */
export function startHttpProxy(options: TestProxyOptions = {}): TestProxy {
  return new LocalProxy("http", options, async (client, connect) => {
    const head = await client.takeHead();
    const [, method, target] = /^(\w+) (\S+) HTTP\/1\.1\r\n/.exec(head)!;
    const { login } = options;
    const expected = login && `Basic ${btoa(`${login.username}:${login.password}`)}`;
    if (/^proxy-authorization: (.*)\r$/im.exec(head)?.[1] !== expected) {
      return void await client.write("HTTP/1.1 407 Login\r\nContent-Length: 0\r\n\r\n");
    }
    const url = new URL(method === "CONNECT" ? `http://${target}` : target!);
    const outcome = await connect(url.hostname.replace(/^\[|\]$/g, ""), Number(url.port || 80));
    if (typeof outcome === "string") {
      return void await client.write("HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n");
    }
    if (method === "CONNECT") await client.write("HTTP/1.1 200 OK\r\nVia: test\r\n\r\n");
    else {
      const forwarded = head.replace(target!, url.pathname + url.search)
        .replace(/^proxy-.*\r\n/im, "");
      await outcome.write(new TextEncoder().encode(forwarded));
    }
    return outcome;
  });
}

type Connect = (host: string, port: number) => Promise<Deno.TcpConn | "unknown" | "refused">;
type Serve = (client: Client, connect: Connect) => Promise<Deno.TcpConn | void>;

class LocalProxy implements TestProxy {
  readonly proxy: Proxy;
  readonly asked: string[] = [];
  readonly #names: Readonly<Record<string, string>>;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.TcpConn>();
  readonly #underWay: Promise<void>[] = [];
  readonly #accepting: Promise<void>;

  constructor(kind: Proxy["kind"], { login, names = {} }: TestProxyOptions, serve: Serve) {
    const { port } = this.#listener.addr;
    this.proxy = { kind, endpoint: { host: "127.0.0.1", port }, ...login };
    this.#names = { localhost: "127.0.0.1", ...names };
    this.#accepting = this.#accept(serve);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#open) close(connection);
    await Promise.all(this.#underWay);
  }

  async #accept(serve: Serve): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        this.#open.add(connection);
        this.#underWay.push(this.#serve(connection, serve));
      }
    } catch {
      // Closed.
    }
  }

  async #serve(connection: Deno.TcpConn, serve: Serve): Promise<void> {
    try {
      const target = await serve(new Client(connection), (host, port) => this.#connect(host, port));
      if (target !== undefined) {
        await Promise.all([pump(connection, target), pump(target, connection)]);
        close(target);
      }
    } catch {
      // The client is gone.
    }
    close(connection);
  }

  async #connect(host: string, port: number): Promise<Deno.TcpConn | "unknown" | "refused"> {
    this.asked.push(`${host}:${port}`);
    const hostname = /^[\d.]+$|:/.test(host) ? host : this.#names[host];
    if (hostname === undefined) return "unknown";
    try {
      const connection = await Deno.connect({ hostname, port });
      this.#open.add(connection);
      return connection;
    } catch {
      return "refused";
    }
  }
}

/** Reads exactly what is asked for, so that what follows stays in the socket. */
class Client {
  constructor(readonly connection: Deno.TcpConn) {}

  async take(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let taken = 0; taken < length;) {
      const count = await this.connection.read(bytes.subarray(taken));
      if (count === null) throw new Error("the client is gone");
      taken += count;
    }
    return bytes;
  }

  async takeText(): Promise<string> {
    const [length] = await this.take(1);
    return new TextDecoder().decode(await this.take(length!));
  }

  async takeHead(): Promise<string> {
    let head: Uint8Array = new Uint8Array(0);
    let text = "";
    while (!text.endsWith("\r\n\r\n")) {
      head = concatBytes(head, await this.take(1));
      text = new TextDecoder("latin1").decode(head);
    }
    return text;
  }

  async say(...bytes: number[]): Promise<void> {
    await this.connection.write(Uint8Array.from(bytes));
  }

  async write(text: string): Promise<void> {
    await this.connection.write(new TextEncoder().encode(text));
  }
}

async function pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (let length; (length = await from.read(buffer)) !== null;) {
      for (let sent = 0; sent < length;) sent += await to.write(buffer.subarray(sent, length));
    }
    await to.closeWrite();
  } catch {
    // One side is gone: so is the other one.
    close(from);
    close(to);
  }
}

function addressOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, at) => bytes[2 * at]! * 256 + bytes[2 * at + 1]!);
  return groups.map((group) => group.toString(16)).join(":");
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}
