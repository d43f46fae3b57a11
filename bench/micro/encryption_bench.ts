/**
 * What encryption costs: RC4 for a MiB in and out, and the handshake.
 *
 * A MiB in 1.2 ms is 870 MB/s: more than one core hashes. Plaintext after the handshake goes
 * over the raw connection: there is nothing to measure.
 */
import { SystemRandom } from "../../src/base/ambient.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import type { Connection } from "../../src/net/transport.ts";
import { EncryptedConnection } from "../../src/torrent/encrypted_connection.ts";
import { KeyPair } from "../../src/wire/diffie_hellman.ts";
import { PayloadMethod } from "../../src/wire/mse.ts";
import { MseInitiator } from "../../src/wire/mse_initiator.ts";
import { MseReceiver } from "../../src/wire/mse_receiver.ts";
import type { MseSide } from "../../src/wire/mse_side.ts";
import { Rc4 } from "../../src/wire/rc4.ts";

const MEBIBYTE = 2 ** 20;
const INFO_HASH = new Uint8Array(20).fill(7) as InfoHash;
const random = new SystemRandom();
const key = random.bytes(20);

/** A connection that costs nothing. */
const nowhere: Connection = {
  remote: { host: "127.0.0.1", port: 1 },
  read: (buffer) => Promise.resolve(buffer.length),
  write: () => Promise.resolve(),
  close: () => {},
};

const bytes = new Uint8Array(MEBIBYTE);
{
  const cipher = new Rc4(key);
  Deno.bench("RC4 for a MiB", { group: "payload", baseline: true }, () => cipher.apply(bytes));
}

{
  const ciphers = { incoming: new Rc4(key), outgoing: new Rc4(key) };
  const received = new Uint8Array(0);
  const connection = new EncryptedConnection(nowhere, { ciphers, received });
  const buffer = new Uint8Array(256 * 1024);
  Deno.bench("read a MiB, 256 KiB a read", { group: "payload" }, async () => {
    for (let length = 0; length < MEBIBYTE;) length += await connection.read(buffer) ?? 0;
  });
  Deno.bench("write a MiB", { group: "payload" }, async () => {
    await connection.write(bytes.subarray(0, MEBIBYTE));
  });
}

Deno.bench("make a key pair", { group: "handshake" }, () => void new KeyPair(random));

{
  const ours = new KeyPair(random), theirs = new KeyPair(random).publicKey;
  Deno.bench("agree on a secret", { group: "handshake" }, () => void ours.secretWith(theirs));
}

Deno.bench("both sides of a handshake", { group: "handshake", baseline: true }, () => {
  const payload = new Uint8Array(68), offer = PayloadMethod.plaintext;
  const initiator = new MseInitiator({ infoHash: INFO_HASH, offer, payload, random });
  const findTorrent = () => INFO_HASH;
  const receiver = new MseReceiver({ findTorrent, accepted: offer, random });
  tell(receiver, initiator.drain()!);
  tell(initiator, receiver.drain()!);
  tell(receiver, initiator.drain()!);
  tell(initiator, receiver.drain()!);
});

function tell(side: MseSide, words: Uint8Array): void {
  for (let offset = 0; offset < words.length;) {
    const space = side.space();
    const part = words.subarray(offset, offset + space.length);
    space.set(part);
    side.advance(part.length);
    offset += part.length;
  }
}
