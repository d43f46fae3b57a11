/** What only an info dictionary of version 1 has (BEP 3 "info dictionary"): files, their hashes. */
import { HASH_LENGTH } from "../base/ids.ts";
import type { BencodeDictionary } from "./bencode.ts";
import { checkHybrid } from "./hybrid.ts";
import type { Layout } from "./layout.ts";
import { type ContentContext, type MetainfoContent, parseLayout } from "./metainfo_content.ts";
import { metainfoError } from "./metainfo_error.ts";
import { parseFiles } from "./metainfo_files.ts";

/** Throws `MetainfoError`. `isHybrid`: there is a version 2 half, which must agree. */
export function parseVersion1(
  info: BencodeDictionary,
  { isHybrid, ...context }: ContentContext & { readonly isHybrid: boolean },
): MetainfoContent {
  const isMultiFile = checkFileFields(info);
  const files = parseFiles(info, context);
  const layout = parseLayout(info, files, false);
  const { pieceLength } = layout;
  if (isHybrid) checkHybrid(info, pieceLength, files);
  return {
    pieceLength,
    pieceHashes: parsePieceHashes(info, context.infoBytes, layout),
    layout,
    files,
    isMultiFile,
  };
}

/** True when there is a list of files, false when there is one length. */
function checkFileFields(info: BencodeDictionary): boolean {
  const length = info.get("length"), files = info.get("files");
  if (length !== undefined && files !== undefined) {
    throw metainfoError("invalid-field", "it has both a length and a list of files");
  }
  if (files !== undefined && files.kind !== "list") {
    throw metainfoError("invalid-field", "its list of files is no list");
  }
  if (length === undefined && files === undefined) {
    throw metainfoError("invalid-field", "it has neither a length nor a list of files");
  }
  return files !== undefined;
}

/** A view into `infoBytes`, so that the file's bytes as read need not be kept. */
function parsePieceHashes(
  info: BencodeDictionary,
  infoBytes: Uint8Array,
  { pieceCount }: Layout,
): Uint8Array {
  const field = info.get("pieces");
  if (field?.kind !== "string") throw metainfoError("invalid-field", "it has no piece hashes");
  const { length } = field.bytes;
  if (length !== pieceCount * HASH_LENGTH) {
    throw metainfoError(
      "invalid-field",
      `its piece hashes are ${length} bytes, not ${HASH_LENGTH} for each of ${pieceCount} pieces`,
    );
  }
  const end = field.end - info.start;
  return infoBytes.subarray(end - length, end);
}
