/** One peer of a torrent whose metadata is not known, driven. */
import { MAX_PIECE_COUNT } from "../metainfo/metainfo_content.ts";
import type { MetadataSession } from "../peer/metadata_session.ts";
import { DrivenConnection, type DrivenConnectionOptions } from "./driven_connection.ts";

/** Of how many pieces there are nothing is known, so a bitfield may be of as many as there can be. */
const MAX_MESSAGE_LENGTH = 1 + Math.ceil(MAX_PIECE_COUNT / 8);

export type MetadataConnectionOptions = Omit<
  DrivenConnectionOptions<MetadataSession>,
  "maxMessageLength" | "downloadLimit" | "backPressure"
>;

export class MetadataConnection extends DrivenConnection<MetadataSession> {
  /** It says that it has metadata. */
  hasMetadata = false;
  /** It sent some of it. */
  hasGiven = false;

  constructor(options: MetadataConnectionOptions) {
    super({ ...options, maxMessageLength: MAX_MESSAGE_LENGTH });
  }
}
