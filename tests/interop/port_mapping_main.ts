/**
 * Opens a port at the gateway, gives it back when told to end, and says both.
 * Usage: port_mapping_main.ts GATEWAY PORT WAY
 */
import { SystemClock, SystemRandom } from "../../src/base/ambient.ts";
import { DenoNetwork } from "../../src/net/deno_network.ts";
import { pmpWay } from "../../src/net/gateway_ways.ts";
import { GATEWAY_PORT } from "../../src/net/nat_pmp.ts";
import { PortMapping } from "../../src/net/port_mapping.ts";

const [gateway, portText, way] = Deno.args;
const port = Number(portText);
const clock = new SystemClock();
const network = new DenoNetwork({ clock });

function say(what: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(what)}\n`));
}

function untilTold(): Promise<void> {
  return new Promise((resolve) => Deno.addSignalListener("SIGTERM", resolve));
}

if (way === "NAT-PMP") {
  const asking = { network, clock, signal: new AbortController().signal };
  const toGateway = pmpWay({ host: gateway!, port: GATEWAY_PORT });
  const ask = (lifetimeS: number) => toGateway.ask({ protocol: "tcp", port, lifetimeS }, asking);
  say(await ask(600));
  await untilTold();
  say(await ask(0));
} else {
  const mapping = new PortMapping({ network, clock, random: new SystemRandom(), onLog: say });
  mapping.start(port);
  await untilTold();
  await mapping.close();
  say(mapping.status());
}
Deno.exit();
