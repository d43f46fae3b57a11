import { deepStrictEqual, equal } from "node:assert/strict";
import { mayLead, mayRedirect } from "../../src/net/redirect.ts";

Deno.test("T1 mayLead() does not lead from the internet to names of local hosts", () => {
  const local = ["router", "nas.local", "localhost.:9091", "a.localhost", "ip6-localhost"];
  for (const host of [...local, "ip6-loopback", "localhost.localdomain", "LOCALHOST"]) {
    const to = new URL(`http://${host}/x`);
    equal(mayLead(new URL("http://t.example/announce"), to), false, host);
    equal(mayLead(new URL("http://8.8.8.8/announce"), to), false, host);
    // Who is asked there may send us elsewhere in the same place.
    equal(mayLead(to, new URL(`http://${host}/y`)), true, host);
  }
  equal(mayLead(new URL("http://nas/feed"), new URL("http://192.168.1.2/x")), true);
  equal(mayLead(new URL("http://localhost/"), new URL("http://127.0.0.1/x")), true);
  equal(mayLead(new URL("http://127.0.0.1/"), new URL("http://t.example/x")), true);
});

/** What the names lead to. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "public.example": ["93.184.216.34", "2606:2800:21f::1"],
  "other.example": ["93.184.216.35"],
  "trap.example": ["127.0.0.1"],
  "trap6.example": ["::1"],
  "half.example": ["93.184.216.34", "127.0.0.1"],
  "cloud.example": ["169.254.169.254"],
  "router.example": ["192.168.1.1"],
  "office.example": ["10.1.2.3"],
  "vpn.example": ["198.18.0.1", "fc00::1"],
  "vpn2.example": ["198.18.0.2", "fc00::2"],
  "nobody.example": ["0.0.0.0"],
};

Deno.test("T1 mayRedirect() follows names where addresses may lead, and not into a local network", async () => {
  const cases: readonly (readonly [from: string, to: string, may: boolean])[] = [
    ["public.example", "other.example", true],
    ["public.example", "no-such.example", true], // whoever asks it will say so
    ["public.example", "trap.example", false],
    ["public.example", "trap6.example", false],
    ["public.example", "half.example", false],
    ["public.example", "cloud.example", false],
    ["public.example", "router.example", false],
    ["public.example", "nobody.example", false],
    ["93.184.216.34", "router.example", false],
    ["public.example", "192.168.1.1", false],
    ["office.example", "router.example", true],
    ["192.168.1.2", "office.example", true],
    ["office.example", "trap.example", false],
    ["127.0.0.1", "trap.example", true],
    ["127.0.0.1", "router.example", false],
    ["vpn.example", "vpn2.example", true],
    ["vpn.example", "half.example", false],
  ];
  for (const [from, to, may] of cases) {
    const resolve = (name: string) => Promise.resolve(NAMES[name] ?? []);
    const urls = [from, to].map((host) => new URL(`http://${host}/x`)) as [URL, URL];
    equal(await mayRedirect(...urls, resolve), may, `${from} to ${to}`);
  }
});

Deno.test("mayRedirect() looks up no more than it must", async () => {
  const asked: string[] = [];
  const resolve = (name: string) => {
    asked.push(name);
    return Promise.resolve(NAMES[name] ?? []);
  };
  const go = (from: string, to: string) => mayRedirect(new URL(from), new URL(to), resolve);
  await go("http://public.example/a", "https://public.example/b");
  await go("http://public.example/a", "http://93.184.216.35/b");
  await go("http://public.example/a", "http://192.168.1.1/b");
  deepStrictEqual(asked, []);
  await go("http://public.example/a", "http://other.example/b");
  deepStrictEqual(asked, ["other.example"]);
});
