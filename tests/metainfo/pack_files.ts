/** Files of a torrent that nobody parsed. */
import { PackedFiles } from "../../src/metainfo/packed_files.ts";

/** All of `length` bytes. */
export function packFiles(length: number, ...paths: readonly (readonly string[])[]): PackedFiles {
  const files = new PackedFiles(new Uint8Array());
  for (const path of paths) files.push({ path, length, kind: "data" });
  return files;
}
