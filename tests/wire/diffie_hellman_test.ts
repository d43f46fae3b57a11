import { createDiffieHellman } from "node:crypto";
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Random, SeededRandom } from "../../src/base/ambient.ts";
import { KEY_LENGTH, KeyPair } from "../../src/wire/diffie_hellman.ts";

const PRIME = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74" +
  "020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437" +
  "4fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563";

function numberBytes(value: bigint): Uint8Array {
  return Uint8Array.fromHex(value.toString(16).padStart(2 * KEY_LENGTH, "0"));
}

function randomOf(privateKey: Uint8Array<ArrayBuffer>): Random {
  return { next: () => 0, below: () => 0, bytes: () => privateKey };
}

Deno.test("KeyPair agrees with node:crypto on public keys and on secrets", () => {
  const random = new SeededRandom(1);
  for (let run = 0; run < 20; run++) {
    const privateKey = random.bytes(20);
    const node = createDiffieHellman(PRIME, "hex", 2);
    node.setPrivateKey(privateKey);
    const ours = new KeyPair(randomOf(privateKey)), theirs = new KeyPair(random);
    deepStrictEqual(ours.publicKey, new Uint8Array(node.generateKeys()));
    const secret = new Uint8Array(KEY_LENGTH);
    const computed = node.computeSecret(theirs.publicKey);
    secret.set(computed, KEY_LENGTH - computed.length);
    deepStrictEqual(ours.secretWith(theirs.publicKey), secret);
    deepStrictEqual(theirs.secretWith(ours.publicKey), secret);
  }
});

Deno.test("KeyPair fills up keys and secrets with zeros in front when they are short", () => {
  const two = new KeyPair(randomOf(numberBytes(1n).slice(-20)));
  deepStrictEqual(two.publicKey, numberBytes(2n));
  deepStrictEqual(two.secretWith(numberBytes(7n)), numberBytes(7n));
});

Deno.test("P31 secretWith() refuses public keys with which anybody knows the secret", () => {
  const keys = new KeyPair(new SeededRandom(2));
  const prime = BigInt(`0x${PRIME}`), highest = 2n ** 768n - 1n;
  for (const key of [0n, 1n, prime - 1n, prime, prime + 1n, highest]) {
    strictEqual(keys.secretWith(numberBytes(key)), undefined, key.toString(16));
  }
  for (const key of [2n, prime - 2n]) {
    strictEqual(keys.secretWith(numberBytes(key))?.length, KEY_LENGTH);
  }
});
