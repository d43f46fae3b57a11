import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import {
  hideSecrets,
  httpTrackerScope,
  parseTrackerUrl,
  redactTrackerUrl,
} from "../../src/tracker/tracker_url.ts";

function assertRefused(text: string): void {
  throws(() => parseTrackerUrl(text), { name: "TrackerError", reason: "unsupported-url" }, text);
}

Deno.test("parseTrackerUrl() takes HTTP, HTTPS and UDP addresses apart", () => {
  deepStrictEqual(parseTrackerUrl("udp://Tracker.Example:1337/announce"), {
    text: "udp://Tracker.Example:1337/announce",
    protocol: "udp",
    host: "tracker.example",
    port: 1337,
    requestPath: "/announce",
    scope: "name",
  });
  deepStrictEqual(parseTrackerUrl("https://t.example/a.php?passkey=x%20y#part"), {
    text: "https://t.example/a.php?passkey=x%20y",
    protocol: "http",
    host: "t.example",
    port: 443,
    requestPath: "/a.php?passkey=x%20y",
    scope: "name",
  });
  equal(parseTrackerUrl("http://t.example/announce").port, 80);
  equal(parseTrackerUrl("udp://t.example").port, 80);
  equal(parseTrackerUrl("udp://t.example:80/announce").port, 80);
  equal(parseTrackerUrl("udp://[2001:DB8::1]:6969/announce").host, "2001:db8::1");
  equal(parseTrackerUrl("HTTP://münchen.example/announce").host, "xn--mnchen-3ya.example");
});

Deno.test("T19 parseTrackerUrl() refuses what is malformed, too long or no tracker's", () => {
  assertRefused("");
  assertRefused("announce");
  assertRefused("http://");
  assertRefused("udp://:80/announce");
  assertRefused("wss://tracker.example/announce");
  assertRefused("file:///etc/passwd");
  assertRefused("http://t.example/announce\r\nHost: other");
  assertRefused("http://t.example/\tannounce");
  assertRefused(" http://t.example/announce");
  assertRefused("http://user:password@t.example/announce");
  assertRefused("udp://user@t.example:80/announce");
  assertRefused("http://t.example/announce?" + "a".repeat(64 * 1024));
  assertRefused("udp://t.example:99999/announce");
  assertRefused("udp://t.example:0/announce");
});

Deno.test("T19 parseTrackerUrl() does not let a torrent reach services of this machine", () => {
  assertRefused("http://169.254.169.254/latest/meta-data/");
  assertRefused("http://[fe80::1]/announce");
  assertRefused("http://0.0.0.0/announce");
  assertRefused("http://[::]/announce");
  assertRefused("http://[::ffff:127.0.0.1]/announce");
  assertRefused("http://255.255.255.255/announce");
  assertRefused("http://127.0.0.1:631/printers");
  assertRefused("http://2130706433/admin");
  assertRefused("http://0x7f.1/admin");
  assertRefused("udp://169.254.169.254:80/announce");
  assertRefused("http://localhost:8080/shutdown");
  assertRefused("http://a.localhost/shutdown");
  assertRefused("http://localhost.:9091/rpc");
  assertRefused("http://ip6-localhost:9091/rpc");
  assertRefused("http://[::1]/");
});

Deno.test("parseTrackerUrl() says what is asked on this machine, and that nothing is elsewhere", () => {
  const rows: [url: string, words: RegExp][] = [
    ["http://127.0.0.1:7980/PASSKEY/announce", /on this machine, where only paths that begin with/],
    ["http://[::1]:80/", /on this machine, where only paths that begin with \/announce are asked$/],
    ["http://169.254.169.254/announce", /leads where no tracker is$/],
  ];
  for (const [url, message] of rows) throws(() => parseTrackerUrl(url), { message });
});

Deno.test("parseTrackerUrl() says how near the tracker is", () => {
  const scopes = {
    "http://127.0.0.1:6969/announce": "loopback",
    "udp://[::1]:6969/announce": "loopback",
    "http://localhost:6969/announce?x=1": "loopback",
    "http://a.localhost/announce.php": "loopback",
    "udp://LOCALHOST.:80": "loopback",
    "http://192.168.1.2/x/announce": "private",
    "udp://2130706433:80": "loopback",
    "udp://[fd00::1]:80": "private",
    "http://nas/announce": "private",
    "http://nas.local/announce": "private",
    "http://8.8.8.8/announce": "global",
    "http://t.example/announce": "name",
  };
  for (const [url, scope] of Object.entries(scopes)) equal(parseTrackerUrl(url).scope, scope, url);
});

Deno.test("httpTrackerScope() judges redirected addresses alike", () => {
  equal(httpTrackerScope(new URL("http://127.0.0.1/announce?info_hash=%00")), "loopback");
  equal(httpTrackerScope(new URL("http://127.0.0.1/admin")), undefined);
  equal(httpTrackerScope(new URL("http://169.254.169.254/announce")), undefined);
});

Deno.test("T20 redactTrackerUrl() shows neither passkey nor query nor user", () => {
  const shown = {
    "udp://t.example:1337/announce": "udp://t.example:1337/announce",
    "https://t.example/0123abcd/announce": "https://t.example/…/announce",
    "https://t.example/announce/0123abcd": "https://t.example/announce/…",
    "http://t.example/announce.php?passkey=secret": "http://t.example/announce.php?…",
    "udp://t.example:80/announce?auth=secret": "udp://t.example:80/announce?…",
    "http://user:secret@t.example/announce": "http://t.example/announce",
    "wss://t.example/secret": "wss://t.example/…",
    "http://t.example": "http://t.example/",
    "no address secret": "(malformed address)",
    "": "(malformed address)",
  };
  for (const [url, text] of Object.entries(shown)) equal(redactTrackerUrl(url), text);
  equal(redactTrackerUrl("http://t.example/" + "secret".repeat(20_000)), "(malformed address)");
  ok(redactTrackerUrl(`http://t.example/${"a/".repeat(1_000)}`).length <= 100);
});

Deno.test("T20 hideSecrets() removes the passkey from a tracker's words, however it is written", () => {
  const url = parseTrackerUrl("http://t.example/p%20ss-0123/announce?key=k3y5&a=b");
  equal(hideSecrets("bad p%20ss-0123!", url), "bad …!");
  equal(hideSecrets("bad p ss-0123 and k3y5, k3y5", url), "bad … and …, …");
  equal(hideSecrets("announce to b", url), "announce to b");
  const broken = parseTrackerUrl("http://t.example/%zz0123/announce");
  equal(hideSecrets("bad %zz0123", broken), "bad …");
});
