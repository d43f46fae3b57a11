import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  addressBytes,
  addressScope,
  canonicalHost,
  formatEndpoint,
  hostScope,
  isDialable,
  parseCompactIpv4,
  parseCompactIpv6,
  parseEndpoint,
  serverOf,
  toCompact,
} from "../../src/base/endpoint.ts";

const ipv4 = fc.ipV4();
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 });
const port = fc.integer({ min: 1, max: 65_535 });

Deno.test("canonicalHost() writes IPv6 as RFC 5952 asks", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["2001:db8::1", "2001:db8::1"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["2001:DB8::A", "2001:db8::a"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::ffff:192.0.2.1", "::ffff:c000:201"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ];
  for (const [text, canonical] of cases) equal(canonicalHost(text), canonical, text);
});

Deno.test("canonicalHost() agrees with the URL parser on any IPv6 address", () => {
  fc.assert(fc.property(ipv6, (bytes) => {
    const groups = Array.from({ length: 8 }, (_, i) => bytes[2 * i]! * 256 + bytes[2 * i + 1]!);
    const text = groups.map((group) => group.toString(16).padStart(4, "0")).join(":");
    equal(`[${canonicalHost(text)}]`, new URL(`http://[${text}]/`).hostname);
    deepStrictEqual(addressBytes(canonicalHost(text)!), bytes);
  }));
});

Deno.test("canonicalHost() refuses what is neither an address nor a name", () => {
  const refused = [
    "",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3",
    "::12345",
    "::g",
    "::%1",
  ];
  refused.push("1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4.", "127.1", "2130706433");
  refused.push(
    "0x7f000001",
    "0x7f.1",
    "a.0x7f",
    "::1.2.3",
    "1.2.3.4::",
    "1.2.3.4:1::",
    "a b",
    "a..b",
  );
  refused.push("a\n", "[::1]", "user@host", "a/b", ".", "x".repeat(300));
  for (const text of refused) equal(canonicalHost(text), undefined, text);
});

Deno.test("canonicalHost() lowers the case of names", () => {
  equal(canonicalHost("Tracker.Example.ORG"), "tracker.example.org");
  equal(canonicalHost("router_1.a-b.c4.x9z"), "router_1.a-b.c4.x9z");
});

Deno.test("parseEndpoint() undoes formatEndpoint() for any address and port", () => {
  fc.assert(fc.property(fc.oneof(ipv4, ipv6), port, (address, port) => {
    const text = typeof address === "string" ? address : formatBytes(address);
    const endpoint = { host: canonicalHost(text)!, port };
    deepStrictEqual(parseEndpoint(formatEndpoint(endpoint)), endpoint);
  }));
});

Deno.test("parseEndpoint() reads host:port with or without brackets", () => {
  deepStrictEqual(parseEndpoint(" 10.0.0.1:6881 "), { host: "10.0.0.1", port: 6881 });
  deepStrictEqual(parseEndpoint("[2001:DB8::1]:80"), { host: "2001:db8::1", port: 80 });
  deepStrictEqual(parseEndpoint("LocalHost:1"), { host: "localhost", port: 1 });
});

Deno.test("parseEndpoint() refuses bad ports, bare IPv6 and brackets around anything else", () => {
  const refused = [
    "1.2.3.4",
    "1.2.3.4:",
    "1.2.3.4:0",
    "1.2.3.4:65536",
    "1.2.3.4:-1",
    "1.2.3.4:1e3",
  ];
  refused.push("::1:80", "[::1]", "[1.2.3.4]:80", "[host]:80", "host:80:80", ":80", "host: 80");
  for (const text of refused) equal(parseEndpoint(text), undefined, text);
});

Deno.test("parseCompactIpv4() and parseCompactIpv6() undo toCompact()", () => {
  fc.assert(fc.property(fc.array(fc.tuple(ipv4, port)), (pairs) => {
    const endpoints = pairs.map(([host, port]) => ({ host, port }));
    const bytes = endpoints.flatMap((endpoint) => [...toCompact(endpoint)]);
    deepStrictEqual(parseCompactIpv4(Uint8Array.from(bytes)), endpoints);
  }));
  fc.assert(fc.property(fc.array(fc.tuple(ipv6, port)), (pairs) => {
    const endpoints = pairs.map(([bytes, port]) => ({ host: canonical(bytes), port }));
    const bytes = endpoints.flatMap((endpoint) => [...toCompact(endpoint)]);
    deepStrictEqual(parseCompactIpv6(Uint8Array.from(bytes)), endpoints);
  }));
});

Deno.test("T6 parseCompactIpv4() and parseCompactIpv6() refuse a length that is no multiple", () => {
  for (const length of [1, 5, 7, 11, 13]) {
    equal(parseCompactIpv4(new Uint8Array(length)), undefined);
    equal(parseCompactIpv6(new Uint8Array(length)), undefined);
  }
  equal(parseCompactIpv6(new Uint8Array(24)), undefined);
  deepStrictEqual(parseCompactIpv4(new Uint8Array()), []);
});

Deno.test("toCompact() refuses a DNS name", () => {
  throws(() => toCompact({ host: "example.org", port: 80 }), { name: "BugError" });
});

Deno.test("T10 port 0 never becomes an endpoint and port 1 is never dialled", () => {
  deepStrictEqual(parseCompactIpv4(Uint8Array.of(1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 0, 9)), [
    { host: "5.6.7.8", port: 9 },
  ]);
  equal(isDialable({ host: "1.2.3.4", port: 1 }, "global"), false);
  equal(isDialable({ host: "1.2.3.4", port: 2 }, "global"), true);
});

Deno.test("T10 addressScope() and isDialable() know which addresses a stranger may name", () => {
  const cases: readonly (readonly [host: string, scope: string, dialableFor: string])[] = [
    ["8.8.8.8", "global", "global private loopback link-local"],
    ["172.15.0.1", "global", "global private loopback link-local"],
    ["172.32.0.1", "global", "global private loopback link-local"],
    ["2001:db8::1", "global", "global private loopback link-local"],
    ["10.0.0.1", "private", "global private loopback link-local"],
    ["172.16.0.1", "private", "global private loopback link-local"],
    ["172.31.255.1", "private", "global private loopback link-local"],
    ["192.168.1.1", "private", "global private loopback link-local"],
    ["fc00::1", "private", "global private loopback link-local"],
    ["fdff::1", "private", "global private loopback link-local"],
    ["127.0.0.1", "loopback", "private loopback"],
    ["127.255.0.1", "loopback", "private loopback"],
    ["::1", "loopback", "private loopback"],
    ["169.254.169.254", "link-local", "link-local"],
    ["fe80::1", "link-local", "link-local"],
    ["febf::1", "link-local", "link-local"],
    ["0.0.0.0", "invalid", ""],
    ["0.1.2.3", "invalid", ""],
    ["224.0.0.1", "invalid", ""],
    ["240.0.0.1", "invalid", ""],
    ["255.255.255.255", "invalid", ""],
    ["::", "invalid", ""],
    ["ff02::1", "invalid", ""],
    ["::ffff:7f00:1", "invalid", ""],
    ["example.org", "name", ""],
  ];
  for (const [host, scope, dialableFor] of cases) {
    equal(addressScope(host), scope, host);
    for (const namedBy of ["global", "private", "loopback", "link-local"] as const) {
      const expected = dialableFor.split(" ").includes(namedBy);
      equal(isDialable({ host, port: 6881 }, namedBy), expected, `${host} named by ${namedBy}`);
    }
  }
});

Deno.test("addressScope() puts every address in one scope, and only names in none", () => {
  fc.assert(fc.property(fc.oneof(ipv4, ipv6.map(canonical)), (host) => {
    ok(addressScope(host) !== "name");
  }));
  equal(addressScope("localhost"), "loopback");
});

Deno.test("T1 hostScope() knows names of this machine and of the local network", () => {
  const names = {
    loopback: "localhost LOCALHOST. a.localhost A.b.localhost. localhost.localdomain " +
      "ip6-localhost ip6-loopback. 127.0.0.1 ::1",
    private: "router nas.local NAS.local. local notlocalhost 192.168.1.1 fd00::1",
    name: "t.example T.example. localhost.example a.notlocal ip6-localhost.example",
    global: "8.8.8.8 2001:db8::1",
    invalid: "0.0.0.0 ::ffff:7f00:1",
    "link-local": "169.254.169.254",
  };
  for (const [scope, hosts] of Object.entries(names)) {
    for (const host of hosts.split(" ")) equal(hostScope(host), scope, host);
  }
  equal(isDialable({ host: "router", port: 6881 }, "private"), false, "no name is a peer's");
});

function formatBytes(bytes: Uint8Array): string {
  return Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! * 256 + bytes[2 * i + 1]!).toString(16))
    .join(":");
}

function canonical(bytes: Uint8Array): string {
  return canonicalHost(formatBytes(bytes))!;
}

Deno.test("serverOf() is where the server of a URL listens, undefined for a host that is none", () => {
  const servers = [
    "http://A.example/x",
    "https://a.example/",
    "http://[2001:db8::1]:81/",
    "https://10.1.2.3:8443/",
    "http://a..b/",
  ].map((url) => serverOf(new URL(url)));
  deepStrictEqual(servers, [
    { host: "a.example", port: 80 },
    { host: "a.example", port: 443 },
    { host: "2001:db8::1", port: 81 },
    { host: "10.1.2.3", port: 8443 },
    undefined,
  ]);
});
