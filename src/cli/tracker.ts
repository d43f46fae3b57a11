/** `starling tracker`: a small tracker for the machines of a room, and for tests. */
import { formatEndpoint } from "../base/endpoint.ts";
import { DenoNetwork } from "../net/deno_network.ts";
import { ANY_IPV4, ANY_IPV6 } from "../net/dual_stack.ts";
import { ConnectError } from "../net/transport.ts";
import { TrackerServer } from "../tracker/server.ts";
import type { CommandContext, Environment } from "./environment/environment.ts";
import type { TrackerOptions } from "./options/tracker_options.ts";
import { ExitCode } from "./output/failure.ts";
import { formatCount } from "./output/units.ts";

/** How often it says whom it knows, if that has changed. */
const STATISTICS_INTERVAL_MS = 60_000;
/** Stands for this machine in addresses: its own name is a secret that Deno would have to give. */
const THIS_MACHINE = "THIS-MACHINE";

/** Serves until it is interrupted, which is how it ends well. Throws ConnectError. */
export async function tracker(
  options: TrackerOptions,
  { environment, interruption: { signal } }: CommandContext,
): Promise<number> {
  const server = openServer(options, environment);
  try {
    const say = (line: string) => options.quiet || environment.stdout.writeLine(line);
    say(introduction(server, options));
    await tellStatistics(server, environment, { say, signal });
    return ExitCode.ok;
  } finally {
    await server.close();
  }
}

function openServer(options: TrackerOptions, environment: Environment): TrackerServer {
  const { bindAddress } = options;
  if (bindAddress !== undefined) return listenOn(bindAddress, options, environment);
  try {
    return listenOn(ANY_IPV6, options, environment); // IPv4 as well: the system maps it.
  } catch (error) {
    if (!(error instanceof ConnectError) || error.failure === "limit") throw error;
    return listenOn(ANY_IPV4, options, environment);
  }
}

function listenOn(
  address: string,
  { port, intervalMs, allowed }: TrackerOptions,
  { clock, random }: Environment,
): TrackerServer {
  return new TrackerServer({
    network: new DenoNetwork({ clock }),
    clock,
    random,
    addresses: [address],
    port,
    intervalMs,
    ...(allowed.length === 0 ? {} : { allowed: new Set(allowed) }),
  });
}

function introduction({ port }: TrackerServer, { bindAddress, allowed }: TrackerOptions): string {
  const isAny = bindAddress === undefined || [ANY_IPV4, ANY_IPV6].includes(bindAddress);
  const place = isAny ? `${THIS_MACHINE}:${port}` : formatEndpoint({ host: bindAddress, port });
  const what = allowed.length === 0 ? "any torrent" : formatCount(allowed.length, "torrent");
  const where = isAny ? `, on all addresses; put its name or address for ${THIS_MACHINE}` : "";
  return `A small tracker for rooms and tests, not for the open internet: it serves ${what} ` +
    `until it is stopped${where}.\nhttp://${place}/announce\nudp://${place}/announce`;
}

async function tellStatistics(
  server: TrackerServer,
  { clock }: Environment,
  { say, signal }: { say: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  let said = "";
  while (true) {
    await clock.sleep(STATISTICS_INTERVAL_MS, signal);
    if (signal.aborted) return;
    const { torrents, seeders, leechers } = server.totals();
    const line = `${formatCount(torrents, "torrent")}, ${formatCount(seeders, "seeder")}, ` +
      formatCount(leechers, "leecher");
    if (line === said) continue;
    said = line;
    say(line);
  }
}
