/** The characters of a feed, whatever encoding its server or its author chose. Pure. */

/** An XML declaration is shorter than this. */
const MAX_DECLARATION_LENGTH = 256;

/** What the first bytes of a document say of its encoding, marks and all. */
const SIGNATURES: readonly (readonly [signature: readonly number[], label: string])[] = [
  [[0xef, 0xbb, 0xbf], "utf-8"],
  [[0xff, 0xfe], "utf-16le"],
  [[0xfe, 0xff], "utf-16be"],
  [[0x3c, 0x00], "utf-16le"],
  [[0x00, 0x3c], "utf-16be"],
];

/**
 * The text of a document, by its byte order mark, the server's `Content-Type` or its XML
 * declaration (RFC 7303, section 3), else as UTF-8. What is malformed becomes U+FFFD.
 */
export function feedText(bytes: Uint8Array, contentType: string | null): string {
  const label = signatureOf(bytes) ?? charsetOf(contentType) ?? declaredIn(bytes) ?? "utf-8";
  return decoderFor(label).decode(bytes);
}

function signatureOf(bytes: Uint8Array): string | undefined {
  return SIGNATURES.find(([signature]) => signature.every((byte, index) => bytes[index] === byte))
    ?.[1];
}

function charsetOf(contentType: string | null): string | undefined {
  return /;\s*charset\s*=\s*"?([\w.:-]{1,40})/i.exec(contentType ?? "")?.[1];
}

function declaredIn(bytes: Uint8Array): string | undefined {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, MAX_DECLARATION_LENGTH));
  return /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]{1,40})["']/.exec(start)?.[1];
}

/** An encoding that nobody knows is read as UTF-8: links are ASCII. */
function decoderFor(label: string): TextDecoder {
  try {
    return new TextDecoder(label);
  } catch {
    return new TextDecoder();
  }
}
