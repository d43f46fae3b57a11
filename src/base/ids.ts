/**
 * Branded identities. A `PieceIndex` is a number that `Layout` has checked against a torrent;
 * a plain number from the wire cannot be used in its place.
 */

declare const brand: unique symbol;
type Brand<Value, Name extends string> = Value & { readonly [brand]: Name };

/** Index of a piece, 0-based, known to exist in its torrent. */
export type PieceIndex = Brand<number, "PieceIndex">;
/** Index of a 16 KiB block within its piece, 0-based, known to exist. */
export type BlockIndex = Brand<number, "BlockIndex">;
/** Index of a file in the order of the torrent, 0-based, known to exist. */
export type FileIndex = Brand<number, "FileIndex">;

/** SHA-1 of the raw bytes of an info dictionary, 20 bytes (BEP 3). */
export type InfoHash = Brand<Uint8Array<ArrayBuffer>, "InfoHash">;
/** SHA-256 of the raw bytes of an info dictionary of version 2, 32 bytes (BEP 52). */
export type Sha256InfoHash = Brand<Uint8Array<ArrayBuffer>, "Sha256InfoHash">;
/** All of an info-hash, of either version: peers know it by its first 20 bytes. */
export type FullInfoHash = InfoHash | Sha256InfoHash;
/** What a client calls itself for one session, 20 bytes (BEP 3; BEP 20 for the shape). */
export type PeerId = Brand<Uint8Array<ArrayBuffer>, "PeerId">;
/** What a node of the DHT calls itself: where it stands among the info-hashes, 20 bytes (BEP 5). */
export type NodeId = Brand<Uint8Array<ArrayBuffer>, "NodeId">;

/** Length in bytes of an info-hash, a peer id, a node id and a SHA-1 digest. */
export const HASH_LENGTH = 20;
