import { deepStrictEqual } from "node:assert/strict";
import { ExtensionHandshakes } from "../../src/torrent/extension_handshakes.ts";
import { parseExtensionHandshake } from "../../src/wire/extension.ts";

Deno.test("handshakeFor() offers PEX and hole punching only where they may be used (BEP 27)", () => {
  const rows: [usePex: boolean, useHolepunch: boolean, offered: string[]][] = [
    [false, false, ["ut_metadata"]],
    [true, false, ["ut_metadata", "ut_pex"]],
    [false, true, ["ut_holepunch", "ut_metadata"]],
    [true, true, ["ut_holepunch", "ut_metadata", "ut_pex"]],
  ];
  for (const [usePex, useHolepunch, offered] of rows) {
    const extensionHandshakes = new ExtensionHandshakes({
      clientName: "test",
      portFor: () => 6881,
      metadata: new Uint8Array(100),
      encryption: "off",
      usePex,
      useHolepunch,
      onlyUploads: () => false,
    });
    const payload = extensionHandshakes.handshakeFor({ host: "10.0.1.1", port: 1 });
    deepStrictEqual([...parseExtensionHandshake(payload).messages.keys()].toSorted(), offered);
  }
});
