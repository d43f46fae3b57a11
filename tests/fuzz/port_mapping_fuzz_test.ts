import { ok } from "node:assert/strict";
import {
  type GatewayAnswer,
  parsePcpAnswer,
  parsePmpAnswer,
  type PortRequest,
} from "../../src/net/nat_pmp.ts";
import {
  parseDescription,
  parseFault,
  parseHttpAnswer,
  parseSsdpAnswer,
} from "../../src/net/upnp.ts";
import { fuzz } from "./mutation.ts";

const CORPUS = "port_mapping";
const HOST = "192.168.1.1";
const ASKED: PortRequest = { protocol: "tcp", port: 6881, lifetimeS: 7_200 };
const IDENTITY = { localHost: "192.168.1.5", nonce: new Uint8Array(12).fill(7) };

Deno.test("fuzz: the answers of PCP and NAT-PMP are granted, refused or nothing", () => {
  const check = (answer: GatewayAnswer | "no-pcp" | undefined) => {
    if (answer === undefined || answer === "no-pcp") return;
    if (answer.kind === "refused") ok(answer.code > 0);
    else ok(answer.externalPort <= 65_535 && answer.lifetimeS >= 0);
  };
  fuzz({
    corpus: CORPUS,
    check(input) {
      check(parsePmpAnswer(input, ASKED));
      check(parsePcpAnswer(input, ASKED, IDENTITY));
    },
  });
});

Deno.test("fuzz: UPnP's answers lead nowhere but to the gateway", () => {
  const isThere = (url: URL) => url.protocol === "http:" && url.hostname === HOST;
  fuzz({
    corpus: CORPUS,
    check(input) {
      const location = parseSsdpAnswer(input, { host: HOST, port: 1900 });
      ok(location === undefined || isThere(location));
      const answer = parseHttpAnswer(input);
      if (answer === undefined) return;
      ok(answer.status >= 0 && answer.status <= 999);
      ok((parseFault(answer.text) ?? 0) >= 0);
      const services = parseDescription(answer.text, new URL(`http://${HOST}/root.xml`));
      ok(services.every(({ controlUrl }) => isThere(controlUrl)));
    },
  });
});
