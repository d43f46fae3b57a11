/**
 * The client's side of a SOCKS5 proxy (RFC 1928, and RFC 1929 for user names): asks for a
 * connection, with a name passed on as it is, so that the proxy looks it up and nobody else. Pure.
 */
import { assert } from "../base/assert.ts";
import { type Bytes, concatBytes, putUint16 } from "../base/bytes.ts";
import { addressBytes, type Endpoint } from "../base/endpoint.ts";
import type { Proxy } from "./proxy.ts";
import type { ConnectFailure } from "./transport.ts";

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const USERNAME_PASSWORD = 2;
const NO_ACCEPTABLE_METHOD = 255;
/** Of the sub-negotiation of RFC 1929. */
const PASSWORD_VERSION = 1;
const CONNECT = 1;
const IPV4 = 1, NAME = 3, IPV6 = 4;
/** Version, reply, reserved, and the type of the address. */
const REPLY_HEAD_LENGTH = 4;
const PORT_LENGTH = 2;

/** Reply codes (RFC 1928, section 6). */
const REFUSALS: Readonly<Record<number, readonly [ConnectFailure, string]>> = {
  1: ["unreachable", "the proxy cannot reach it"],
  2: ["refused", "the proxy does not allow it"],
  3: ["unreachable", "the proxy finds its network unreachable"],
  4: ["unreachable", "the proxy finds the host unreachable"],
  5: ["refused", "the connection is refused"],
  6: ["timeout", "the proxy has no answer"],
  7: ["proxy", "the proxy makes no connections"],
  8: ["unreachable", "the proxy does not know such addresses"],
};

/** Who we are to the proxy. */
export type Socks5Credentials = Pick<Proxy, "username" | "password">;

/** What came of the negotiation; `reason` follows "Cannot connect to …: ". */
export type Socks5Outcome =
  | { readonly kind: "connected" }
  | { readonly kind: "failed"; readonly failure: ConnectFailure; readonly reason: string };

type Step = "method" | "password" | "reply" | "name-length" | "bound-address" | "over";

/**
 * One negotiation. It asks for exactly as many bytes as it needs (`wanted`), so that none of what
 * follows is taken from the stream.
 */
export class Socks5Handshake {
  readonly #to: Endpoint;
  readonly #credentials: Socks5Credentials;
  #step: Step = "method";
  #outputs: Bytes[] = [];
  /** What has come of the message that is awaited. */
  #input: Bytes = new Uint8Array(2);
  #inputLength = 0;
  #outcome: Socks5Outcome | undefined;
  #hasAsked = false;

  constructor(to: Endpoint, credentials: Socks5Credentials) {
    this.#to = to;
    this.#credentials = credentials;
    const methods = credentials.username === undefined
      ? [NO_AUTHENTICATION]
      : [NO_AUTHENTICATION, USERNAME_PASSWORD];
    this.#outputs.push(Uint8Array.of(VERSION, methods.length, ...methods));
  }

  /** How many bytes of the proxy are needed next, at most 257; 0 once it is over. */
  get wanted(): number {
    return this.#step === "over" ? 0 : this.#input.length - this.#inputLength;
  }

  /** Undefined while it is under way. */
  get outcome(): Socks5Outcome | undefined {
    return this.#outcome;
  }

  /** What it says from now on is about who is asked for. */
  get hasAsked(): boolean {
    return this.#hasAsked;
  }

  /** What must be sent now. */
  drain(): Bytes[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  /** Bytes of the proxy, at most as many as were `wanted`. */
  handle(bytes: Uint8Array): void {
    assert(bytes.length <= this.wanted);
    this.#input.set(bytes, this.#inputLength);
    this.#inputLength += bytes.length;
    if (this.wanted > 0 || this.#step === "over") return;
    const message = this.#input;
    switch (this.#step) {
      case "method":
        return this.#handleMethod(message);
      case "password":
        return this.#handlePasswordStatus(message);
      case "reply":
        return this.#handleReply(message);
      case "name-length":
        return this.#await("bound-address", message[0]! + PORT_LENGTH);
      case "bound-address":
        return this.#end({ kind: "connected" });
    }
  }

  #handleMethod([version, method]: Uint8Array): void {
    const { username, password = "" } = this.#credentials;
    if (version !== VERSION) return this.#fail("proxy", "the proxy does not speak SOCKS5");
    if (method === NO_AUTHENTICATION) return this.#ask();
    if (method === USERNAME_PASSWORD && username !== undefined) {
      const text = new TextEncoder();
      const name = text.encode(username), secret = text.encode(password);
      this.#outputs.push(concatBytes(
        Uint8Array.of(PASSWORD_VERSION, name.length),
        name,
        Uint8Array.of(secret.length),
        secret,
      ));
      return this.#await("password", 2);
    }
    if (method === NO_ACCEPTABLE_METHOD && username === undefined) {
      return this.#fail("proxy", "the proxy wants a user name and a password");
    }
    this.#fail("proxy", "the proxy wants another way to log in than a user name and a password");
  }

  #handlePasswordStatus([, status]: Uint8Array): void {
    // Servers disagree on the version in this answer; the status alone says what it means.
    if (status === 0) return this.#ask();
    this.#fail("proxy", "the proxy refuses the user name or the password");
  }

  #ask(): void {
    this.#hasAsked = true;
    this.#outputs.push(encodeConnect(this.#to));
    this.#await("reply", REPLY_HEAD_LENGTH);
  }

  #handleReply([version, reply, , addressType]: Uint8Array): void {
    if (version !== VERSION) return this.#fail("proxy", "the proxy's answer is broken");
    if (reply !== 0) {
      const [failure, reason] = REFUSALS[reply!] ??
        ["unreachable", `the proxy fails with code ${reply}`];
      return this.#fail(failure, reason);
    }
    // Where the proxy connects from is nobody's business here, but stands before the stream.
    switch (addressType) {
      case IPV4:
        return this.#await("bound-address", 4 + PORT_LENGTH);
      case IPV6:
        return this.#await("bound-address", 16 + PORT_LENGTH);
      case NAME:
        return this.#await("name-length", 1);
    }
    this.#fail("proxy", "the proxy's answer is broken");
  }

  #await(step: Step, length: number): void {
    this.#step = step;
    this.#input = new Uint8Array(length);
    this.#inputLength = 0;
  }

  #fail(failure: ConnectFailure, reason: string): void {
    this.#end({ kind: "failed", failure, reason });
  }

  #end(outcome: Socks5Outcome): void {
    this.#step = "over";
    this.#outcome = outcome;
  }
}

/** RFC 1928, section 4. A name is passed on, never looked up. */
function encodeConnect({ host, port }: Endpoint): Bytes {
  const address = addressBytes(host);
  const name = new TextEncoder().encode(host);
  // Names are at most 253 characters of ASCII, as `canonicalHost` has them.
  assert(address !== undefined || name.length <= 255);
  const destination = address === undefined
    ? concatBytes(Uint8Array.of(NAME, name.length), name)
    : concatBytes(Uint8Array.of(address.length === 4 ? IPV4 : IPV6), address);
  const bytes = concatBytes(Uint8Array.of(VERSION, CONNECT, 0), destination, new Uint8Array(2));
  putUint16(bytes, bytes.length - PORT_LENGTH, port);
  return bytes;
}
