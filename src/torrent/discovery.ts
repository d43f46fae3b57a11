/** The first stage: from every source of peers, one stream of endpoints. */
import type { Endpoint } from "../base/endpoint.ts";
import { Channel } from "../base/channel.ts";
import type { PeerSource } from "../peer/known_peer.ts";

/** Some endpoints, and who named them. */
export interface Sighting {
  readonly endpoints: readonly Endpoint[];
  readonly source: PeerSource;
  /** The peer that named them, where it was one ("pex"). */
  readonly namedBy?: Endpoint;
}

/** Sightings that may wait; a source that is ahead of the dialer waits with them. */
const MAX_WAITING_SIGHTINGS = 16;

/** Merges the sources; ends when all have ended. The first failure of a source is thrown. */
export function discover(sources: readonly AsyncIterable<Sighting>[]): AsyncIterable<Sighting> {
  const sightings = new Channel<Sighting>(MAX_WAITING_SIGHTINGS);
  const draining = sources.map(async (source) => {
    for await (const sighting of source) if (!await sightings.push(sighting)) return;
  });
  Promise.all(draining).then(() => sightings.close(), (error) => sightings.fail(error));
  return sightings;
}

/** What is known from the start. */
export async function* known(sightings: readonly Sighting[]): AsyncIterable<Sighting> {
  for (const sighting of sightings) if (sighting.endpoints.length > 0) yield sighting;
}

/** The peers that one source names. */
export async function* sighted(
  named: AsyncIterable<readonly Endpoint[]>,
  source: PeerSource,
): AsyncIterable<Sighting> {
  for await (const endpoints of named) yield { endpoints, source };
}
