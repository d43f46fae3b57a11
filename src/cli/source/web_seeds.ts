/** Which web servers are asked for the files of a torrent. */
import type { Metainfo } from "../../metainfo/metainfo.ts";
import type { GetOptions } from "../options/get_options.ts";

/** The user's own come first. */
export function webSeedsOf(
  metainfo: Pick<Metainfo, "webSeeds">,
  { webSeeds, noWebSeed }: Pick<GetOptions, "webSeeds" | "noWebSeed">,
): readonly string[] {
  return noWebSeed ? webSeeds : [...webSeeds, ...metainfo.webSeeds];
}
