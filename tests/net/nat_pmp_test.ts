import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  encodePcpRequest,
  encodePmpRequest,
  parsePcpAnswer,
  parsePmpAnswer,
  type PcpIdentity,
  type PortRequest,
} from "../../src/net/nat_pmp.ts";

const TCP: PortRequest = { protocol: "tcp", port: 6881, lifetimeS: 7_200 };
const UDP: PortRequest = { ...TCP, protocol: "udp" };
const IDENTITY: PcpIdentity = { localHost: "192.168.1.5", nonce: new Uint8Array(12).fill(7) };
const NONCE_HEX = "07".repeat(12);
const V4_HEX = "00000000000000000000ffff";
const PMP_GRANTED = "0082000000000009" + "1ae11f9000000e10";
const PCP_GRANTED = "02810000" + "00000e10" + "00000009" + "00".repeat(12) + NONCE_HEX +
  "06000000" + "1ae11f90" + V4_HEX + "cb007105";

Deno.test("encodePmpRequest() writes what RFC 6886 shows, for a mapping and for its end", () => {
  strictEqual(encodePmpRequest(TCP).toHex(), "00020000" + "1ae11ae1" + "00001c20");
  strictEqual(encodePmpRequest(UDP).toHex(), "00010000" + "1ae11ae1" + "00001c20");
  strictEqual(encodePmpRequest({ ...TCP, lifetimeS: 0 }).toHex(), "000200001ae1000000000000");
});

Deno.test("encodePcpRequest() writes what RFC 6887 shows", () => {
  const head = "02010000" + "00001c20" + V4_HEX + "c0a80105";
  const map = NONCE_HEX + "06000000" + "1ae11ae1" + V4_HEX + "00000000";
  strictEqual(encodePcpRequest(TCP, IDENTITY).toHex(), head + map);
  strictEqual(encodePcpRequest(UDP, IDENTITY)[36], 17);
});

Deno.test("parsePmpAnswer() knows what was granted, refused, or is no answer", () => {
  const granted = { kind: "granted", externalPort: 8080, lifetimeS: 3_600 };
  const table: [hex: string, answer: unknown][] = [
    [PMP_GRANTED, granted],
    ["0082000200000009", { kind: "refused", code: 2 }],
    ["0081" + PMP_GRANTED.slice(4), undefined],
    ["0002" + PMP_GRANTED.slice(4), undefined],
    ["0282" + PMP_GRANTED.slice(4), undefined],
    [PMP_GRANTED.replace("1ae1", "1ae2"), undefined],
    [PMP_GRANTED.replace("1f90", "0000"), undefined],
    ["", undefined],
  ];
  for (const [hex, answer] of table) {
    deepStrictEqual(parsePmpAnswer(Uint8Array.fromHex(hex), TCP), answer, hex);
  }
  const givenBack = Uint8Array.fromHex("00820000000000091ae1000000000000");
  strictEqual(parsePmpAnswer(givenBack, { ...TCP, lifetimeS: 0 })?.kind, "granted");
});

Deno.test("parsePcpAnswer() knows what was granted, refused, or is no answer to us", () => {
  const granted = { kind: "granted", externalPort: 8080, lifetimeS: 3_600 };
  const table: [hex: string, answer: unknown][] = [
    [PCP_GRANTED, granted],
    ["02810002" + "00".repeat(20), { kind: "refused", code: 2 }],
    ["0081000100000000", "no-pcp"],
    [PCP_GRANTED.replace(NONCE_HEX, "08".repeat(12)), undefined],
    [PCP_GRANTED.replace("06000000", "11000000"), undefined],
    [PCP_GRANTED.replace("1ae1", "1ae2"), undefined],
    [PCP_GRANTED.replace("1f90", "0000"), undefined],
    ["0201" + PCP_GRANTED.slice(4), undefined],
    ["", undefined],
  ];
  for (const [hex, answer] of table) {
    deepStrictEqual(parsePcpAnswer(Uint8Array.fromHex(hex), TCP, IDENTITY), answer, hex);
  }
});

Deno.test("parsePmpAnswer() and parsePcpAnswer() grant nothing by an answer that is cut", () => {
  const [pmp, pcp] = [PMP_GRANTED, PCP_GRANTED].map((hex) => Uint8Array.fromHex(hex));
  for (let length = 0; length < pmp!.length; length++) {
    strictEqual(parsePmpAnswer(pmp!.subarray(0, length), TCP), undefined);
  }
  for (let length = 0; length < pcp!.length; length++) {
    strictEqual(parsePcpAnswer(pcp!.subarray(0, length), TCP, IDENTITY), undefined);
  }
});
