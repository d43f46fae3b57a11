import { formatMessage } from "@optique/core/message";
import { deepStrictEqual, ok } from "node:assert/strict";
import { proxyValue } from "../../../src/cli/options/option_values.ts";

Deno.test("proxyValue reads a proxy", () => {
  const parsed = proxyValue.parse("socks5://me:secret@192.0.2.1");
  deepStrictEqual(parsed, {
    success: true,
    value: {
      kind: "socks5",
      endpoint: { host: "192.0.2.1", port: 1080 },
      username: "me",
      password: "secret",
    },
  });
});

Deno.test("S14 proxyValue does not quote what it refuses", () => {
  const parsed = proxyValue.parse("socks4://me:secret@192.0.2.1");
  ok(!parsed.success);
  const text = formatMessage(parsed.error);
  ok(!text.includes("secret") && /socks5:\/\/HOST:PORT/.test(text), text);
});
