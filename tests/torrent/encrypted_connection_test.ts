import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import type { Connection } from "../../src/net/transport.ts";
import { EncryptedConnection } from "../../src/torrent/encrypted_connection.ts";
import { Rc4 } from "../../src/wire/rc4.ts";

const NOTHING = new Uint8Array(0);
const random = new SeededRandom(1);

/** A connection that keeps what is written, and gives `incoming` to be read. */
class Wire implements Connection {
  readonly remote = { host: "10.0.0.1", port: 1 };
  readonly written: Uint8Array[] = [];
  isClosed = false;
  #incoming: Uint8Array;

  constructor(incoming: Uint8Array = NOTHING) {
    this.#incoming = incoming;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#incoming.length === 0) return Promise.resolve(null);
    const taken = this.#incoming.subarray(0, buffer.length);
    buffer.set(taken);
    this.#incoming = this.#incoming.subarray(taken.length);
    return Promise.resolve(taken.length);
  }

  async write(bytes: Uint8Array): Promise<void> {
    await Promise.resolve();
    if (this.isClosed) throw new ProtocolError("remote-closed", "closed");
    this.written.push(bytes.slice());
  }

  close(): void {
    this.isClosed = true;
  }
}

function ciphers() {
  return { incoming: new Rc4(Uint8Array.of(1)), outgoing: new Rc4(Uint8Array.of(2)) };
}

function crypt(key: number, bytes: Uint8Array): Uint8Array {
  const encrypted = bytes.slice();
  new Rc4(Uint8Array.of(key)).apply(encrypted);
  return encrypted;
}

Deno.test("write() encrypts a copy, in parts no larger than four blocks", async () => {
  const wire = new Wire();
  const connection = new EncryptedConnection(wire, { ciphers: ciphers(), received: NOTHING });
  const messages = [5, 1024, 1025, 65_588, 65_589, 300_000, 0, 7].map((size) => random.bytes(size));
  const kept = messages.map((message) => message.slice());
  for (const message of messages) await connection.write(message);
  deepStrictEqual(messages, kept);
  deepStrictEqual(concatBytes(...wire.written), crypt(2, concatBytes(...kept)));
  ok(Math.max(...wire.written.map(({ length }) => length)) <= 65_588);
});

Deno.test("write() splits messages of whole blocks between blocks", async () => {
  const wire = new Wire();
  const connection = new EncryptedConnection(wire, { ciphers: ciphers(), received: NOTHING });
  await connection.write(random.bytes(16 * (13 + 16_384)));
  deepStrictEqual(wire.written.map(({ length }) => length), [65_588, 65_588, 65_588, 65_588]);
});

Deno.test("read() gives what was received before, then decrypts in place, then ends", async () => {
  const before = random.bytes(10), after = random.bytes(500);
  const wire = new Wire(crypt(1, after));
  const connection = new EncryptedConnection(wire, { ciphers: ciphers(), received: before });
  const heard: Uint8Array[] = [];
  const buffer = new Uint8Array(7);
  for (let length = await connection.read(buffer); length !== null;) {
    heard.push(buffer.slice(0, length));
    length = await connection.read(buffer);
  }
  deepStrictEqual(concatBytes(...heard), concatBytes(before, after));
});

Deno.test("simplest is the raw connection once nothing is encrypted and nothing is left", async () => {
  const wire = new Wire();
  const plain = { ciphers: undefined };
  strictEqual(new EncryptedConnection(wire, { ...plain, received: NOTHING }).simplest, wire);
  const encrypted = new EncryptedConnection(wire, { ciphers: ciphers(), received: NOTHING });
  strictEqual(encrypted.simplest, encrypted);
  const early = new EncryptedConnection(wire, { ...plain, received: random.bytes(3) });
  strictEqual(early.simplest, early);
  await early.read(new Uint8Array(2));
  strictEqual(early.simplest, early);
  await early.read(new Uint8Array(2));
  strictEqual(early.simplest, wire);
});

Deno.test("write() in plaintext hands the bytes on as they are", async () => {
  const wire = new Wire();
  const early = new EncryptedConnection(wire, { ciphers: undefined, received: random.bytes(3) });
  const bytes = random.bytes(100_000);
  await early.write(bytes);
  deepStrictEqual(wire.written, [bytes]);
});

Deno.test("close() closes the raw connection, and write() fails as that does", async () => {
  const wire = new Wire();
  const connection = new EncryptedConnection(wire, { ciphers: ciphers(), received: NOTHING });
  strictEqual(connection.remote, wire.remote);
  connection.close();
  ok(wire.isClosed);
  await rejects(connection.write(new Uint8Array(1)), { reason: "remote-closed" });
});
