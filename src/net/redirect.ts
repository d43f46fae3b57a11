/** Where a server may send us: not from the internet into somebody's own network (T1). Pure. */
import { type AddressScope, addressScope, hostOf, hostScope } from "../base/endpoint.ts";

/** The addresses of a name; none when it has none. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** May a server send us there, as far as the two URLs tell? */
export function mayLead(from: URL, to: URL): boolean {
  const scope = scopeOf(to);
  return scope === "global" || scope === "name" || scope === scopeOf(from);
}

/**
 * The same, where their names lead to. Who is sent on may meet what it has met before: where a
 * resolver has addresses of its own for all names, as with some VPNs, every name leads there.
 */
export async function mayRedirect(from: URL, to: URL, resolve: Resolve): Promise<boolean> {
  if (!mayLead(from, to)) return false;
  if (hostOf(from) === hostOf(to)) return true;
  const inside = (await scopesOf(to, resolve)).filter((scope) => scope !== "global");
  if (inside.length === 0) return true;
  const known = await scopesOf(from, resolve);
  return inside.every((scope) => known.includes(scope));
}

function scopeOf(url: URL): AddressScope {
  return hostScope(hostOf(url));
}

/** What a local name leads to is known without asking. */
async function scopesOf(url: URL, resolve: Resolve): Promise<readonly AddressScope[]> {
  const scope = scopeOf(url);
  return scope === "name" ? (await resolve(hostOf(url))).map(addressScope) : [scope];
}
