/** What people save under the name .torrent by mistake. */

/** Bytes looked at. */
const LOOK_LENGTH = 512;

/**
 * What `bytes` are instead of a torrent, to complete "Cannot read the torrent: …"; undefined when
 * they start as a torrent does.
 */
export function foreignFile(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0x64) return undefined;
  if (bytes.length === 0) return "it is empty";
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "it is compressed (gzip); decompress it first";
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return "it is a ZIP archive; unpack it first";
  const text = new TextDecoder().decode(bytes.subarray(0, LOOK_LENGTH)).trimStart();
  if (text.startsWith("<")) {
    return "it is a web page (HTML or XML), perhaps one that asks to log in";
  }
  if (/^magnet:/i.test(text)) return "it holds a magnet link, not a torrent";
  return "it is not bencoded: it does not start with a dictionary";
}
