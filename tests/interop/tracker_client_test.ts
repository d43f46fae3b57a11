/** Our tracker, asked by the client of the npm package `bittorrent-tracker`. */
import { deepStrictEqual } from "node:assert/strict";
import { Checkout } from "../loopback/checkout.ts";
import { freePort, Lab } from "../loopback/lab.ts";
import { urlsOf } from "./trackers.ts";

/**
 * Version 9: later ones need a native addon, which Deno does not load. Outside of this project's
 * lock, as in `trackers.ts`. It goes through a peer's life, and prints what it was told.
 */
const CLIENT = `
import { Buffer } from "node:buffer";
import Client from "npm:bittorrent-tracker@9.19.0/client.js";
const [announce, infoHash] = Deno.args;
const peerId = Buffer.from("-WW0001-" + "p".repeat(12));
const client = new Client({ infoHash, peerId, announce: [announce], port: 6999 });
const next = (event) => new Promise((resolve, reject) => {
  for (const failure of ["error", "warning"]) client.once(failure, reject);
  client.once(event, ({ complete, incomplete }) => resolve([complete, incomplete]));
});
const told = [];
client.start({ left: 5 });
told.push(await next("update"));
client.complete({ left: 0 });
told.push(await next("update"));
client.scrape();
told.push(await next("scrape"));
client.stop();
told.push(await next("update"));
console.log(JSON.stringify(told));
Deno.exit(0);
`;

for (const protocol of ["http", "udp"] as const) {
  Deno.test(`tracker counts a peer of bittorrent-tracker's client over ${protocol}`, async () => {
    await using lab = await Lab.open();
    const checkout = await Checkout.make(lab);
    const port = freePort();
    const tracker = checkout.start("tracker", "--bind", "127.0.0.1", "--port", `${port}`);
    try {
      await lab.until("our tracker", () => tracker.stdout.includes("announce"));
      const program = lab.path("tracker_client.js");
      await Deno.writeTextFile(program, CLIENT);
      const options = ["run", "--no-prompt", "--no-config", "--no-lock", "-A", program];
      const said = await lab.run(Deno.execPath(), [
        ...options,
        urlsOf(port)[protocol],
        "ab".repeat(20),
      ]);
      // Seeders and leechers: after the start, the completion, the scrape and the stop.
      deepStrictEqual(JSON.parse(said), [[0, 1], [1, 0], [1, 0], [0, 0]]);
    } finally {
      await tracker.stop();
    }
  });
}
