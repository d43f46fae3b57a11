/** The saved state of a download as a line of JSON; on disk it is sealed. Pure. */
import { Bitfield } from "../base/bitfield.ts";
import { isCount, parseJsonObject } from "../base/json.ts";
import type { FileLooks } from "../workers/file_looks.ts";
import { Shares } from "./shares.ts";

const FORMAT = "starling-resume";
const VERSION = 2;

/** Bytes of a sealed state besides its bitfields and files. */
const FRAME_LENGTH = 1_024;
/** Bytes of one file's record, its numbers as long as they get. */
const MAX_RECORD_LENGTH = 64;

/** How a file looked when the state was saved. */
export interface FileRecord extends FileLooks {
  readonly isFinal: boolean;
}

export interface ResumeState {
  /** Pieces whose bytes were verified and flushed. */
  readonly claimed: Bitfield;
  /** Pieces that may be here too: they are hashed before they count. */
  readonly noted: Bitfield;
  /** Where the bytes of all these pieces are. */
  readonly shares: Shares;
  /** Files that some run has written or found, by index. */
  readonly files: ReadonlyMap<number, FileRecord>;
  /** How the file of edges looked; undefined when there was none. */
  readonly edges: FileRecord | undefined;
}

/** The torrent that a state must be of. */
export interface ResumeSubject {
  readonly infoHashHex: string;
  readonly pieceCount: number;
  readonly fileCount: number;
}

/** What is no saved state of this torrent; `message` says what is wrong with it. */
export class ResumeError extends Error {
  override readonly name = "ResumeError";
}

/** Bytes that no sealed state of this torrent exceeds. */
export function maxResumeLength({ pieceCount, fileCount }: ResumeSubject): number {
  return FRAME_LENGTH + Math.ceil(pieceCount / 2) + fileCount * (MAX_RECORD_LENGTH + 1);
}

/** A line of JSON. */
export function encodeResume(subject: ResumeSubject, state: ResumeState): string {
  const files: number[][] = [];
  state.files.forEach((record, file) => files.push([file, ...recordFields(record)]));
  return JSON.stringify({
    format: FORMAT,
    version: VERSION,
    infoHash: subject.infoHashHex,
    claimed: state.claimed.toBytes().toBase64(),
    noted: state.noted.toBytes().toBase64(),
    heads: state.shares.heads.toBytes().toBase64(),
    tails: state.shares.tails.toBytes().toBase64(),
    files,
    edges: state.edges === undefined ? null : recordFields(state.edges),
  });
}

/** Throws ResumeError when the line is of another torrent, or not understood. */
export function parseResume(line: string, subject: ResumeSubject): ResumeState {
  const fields = parseJsonObject(line);
  if (fields === undefined) throw new ResumeError("it is no JSON object");
  if (fields["format"] !== FORMAT) throw new ResumeError("it is something else");
  if (fields["version"] !== VERSION) throw new ResumeError("it is of another version");
  if (fields["infoHash"] !== subject.infoHashHex) throw new ResumeError("it is another torrent's");
  return {
    claimed: parseBitfield(fields["claimed"], subject.pieceCount),
    noted: parseBitfield(fields["noted"], subject.pieceCount),
    shares: new Shares(
      parseBitfield(fields["heads"], subject.fileCount),
      parseBitfield(fields["tails"], subject.fileCount),
    ),
    files: parseFiles(fields["files"], subject.fileCount),
    edges: fields["edges"] === null ? undefined : parseRecord(fields["edges"]),
  };
}

function recordFields({ isFinal, size, modifiedMs }: FileRecord): number[] {
  return [isFinal ? 1 : 0, size, modifiedMs];
}

function parseBitfield(value: unknown, length: number): Bitfield {
  const field = typeof value === "string"
    ? Bitfield.fromBytes(parseBase64(value), length)
    : undefined;
  if (field === undefined) throw new ResumeError("a bitfield in it is not of this torrent's size");
  return field;
}

function parseBase64(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw new ResumeError("a bitfield in it is no base64");
  }
}

function parseFiles(value: unknown, fileCount: number): Map<number, FileRecord> {
  if (!Array.isArray(value)) throw new ResumeError("it has no list of files");
  const files = new Map<number, FileRecord>();
  for (const entry of value as readonly unknown[]) {
    if (!Array.isArray(entry)) throw new ResumeError("a file in it is no list");
    const [file, ...record] = entry as readonly unknown[];
    if (!isCount(file) || file >= fileCount || files.has(file)) {
      throw new ResumeError("a file in it is not in the torrent");
    }
    files.set(file, parseRecord(record));
  }
  return files;
}

function parseRecord(value: unknown): FileRecord {
  const [isFinal, size, modifiedMs] = Array.isArray(value) ? value as readonly unknown[] : [];
  if ((isFinal !== 0 && isFinal !== 1) || !isCount(size) || !Number.isSafeInteger(modifiedMs)) {
    throw new ResumeError("what it says of a file is not understood");
  }
  return { isFinal: isFinal === 1, size, modifiedMs: modifiedMs as number };
}
