/** Port mapping at a real router: miniupnpd, in a network that has nothing else. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { Lab } from "../loopback/lab.ts";
import { isMissing } from "./installed.ts";
import { isWithoutNamespaces, Namespace } from "./namespaces.ts";

const ROUTER = "10.67.0.1", HOST = "10.67.0.5", PORT = 16_881;
const END_TIMEOUT_MS = 60_000;
const CHAINS = `table inet filter {
  chain miniupnpd {}
  chain prerouting_miniupnpd {}
  chain postrouting_miniupnpd {}
}`;

/** Which settings of the router let us ask it in which way. */
const WAYS = {
  "PCP": { pmp: "yes", upnp: "yes" },
  "NAT-PMP": { pmp: "yes", upnp: "no" },
  "UPnP": { pmp: "no", upnp: "yes" },
} as const;

for (const [way, settings] of Object.entries(WAYS)) {
  Deno.test({
    name: `miniupnpd opens our port by ${way}, and gets it back`,
    ignore: isWithoutNamespaces() || isMissing("miniupnpd"),
    async fn() {
      await using lab = await Lab.open();
      await using router = await Namespace.make(lab);
      await using host = await Namespace.make(lab);
      await host.connect(router);
      await router.ip("addr", "add", `${ROUTER}/24`, "dev", "cable");
      await host.ip("addr", "add", `${HOST}/24`, "dev", "cable");
      await host.ip("route", "add", "default", "via", ROUTER);
      await startRouter(lab, router, settings);
      const program = new URL("./port_mapping_main.ts", import.meta.url).pathname;
      const run = ["run", "--no-prompt", "--allow-net", program, ROUTER, `${PORT}`, way];
      const process = lab.start(...host.command(Deno.execPath(), ...run));
      await lab.until("an answer", () => process.stdout.includes("\n"));
      if (way === "NAT-PMP") {
        const granted = { kind: "granted", externalPort: PORT, lifetimeS: 600 };
        deepStrictEqual(JSON.parse(process.stdout), granted);
      } else {
        const line = `port ${PORT} is open at the gateway ${ROUTER}, by ${way}`;
        deepStrictEqual(JSON.parse(process.stdout), line);
      }
      const protocols = way === "NAT-PMP" ? ["TCP"] : ["TCP", "UDP"];
      const leased = (await leases(lab)).map((line) => line.split(":").slice(0, 4).join(":"));
      const expected = protocols.map((protocol) => `${protocol}:${PORT}:${HOST}:${PORT}`);
      deepStrictEqual(leased.toSorted(), expected);
      process.kill("SIGTERM");
      deepStrictEqual(await process.exitWithin(END_TIMEOUT_MS), 0, process.log);
      deepStrictEqual(await leases(lab), []);
      await lab.stopAll();
    },
  });
}

async function startRouter(
  lab: Lab,
  router: Namespace,
  { pmp, upnp }: { pmp: string; upnp: string },
): Promise<void> {
  await Deno.writeTextFile(lab.path("chains.nft"), CHAINS);
  await lab.run(...router.command("nft", "-f", lab.path("chains.nft")));
  const settings = {
    ...{ ext_ifname: "lo", ext_ip: "198.51.99.7", listening_ip: "cable", port: "5000" },
    ...{ enable_natpmp: pmp, enable_upnp: upnp, min_lifetime: "120", max_lifetime: "86400" },
    ...{ upnp_forward_chain: "miniupnpd", upnp_nat_chain: "prerouting_miniupnpd" },
    ...{ upnp_nat_postrouting_chain: "postrouting_miniupnpd", secure_mode: "yes" },
    ...{ lease_file: lab.path("leases"), uuid: "00000000-1111-2222-3333-444444444444" },
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  lines.push("allow 1024-65535 10.67.0.0/24 1024-65535", "deny 0-65535 0.0.0.0/0 0-65535", "");
  await Deno.writeTextFile(lab.path("miniupnpd.conf"), lines.join("\n"));
  const options = ["-d", "-f", lab.path("miniupnpd.conf"), "-P", lab.path("miniupnpd.pid")];
  const process = lab.start(...router.command("miniupnpd", ...options));
  const listening = upnp === "yes" ? "HTTP listening on port" : "Listening for NAT-PMP/PCP";
  await lab.until("the router", () => process.stderr.includes(listening));
}

/** Like `TCP:16881:10.67.0.5:16881:1795216966:starling`. */
async function leases(lab: Lab): Promise<string[]> {
  try {
    const text = await Deno.readTextFile(lab.path("leases"));
    return text.split("\n").filter((line) => line !== "");
  } catch (error) {
    ok(error instanceof Deno.errors.NotFound);
    return [];
  }
}
