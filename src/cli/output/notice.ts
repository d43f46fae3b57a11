/** What happens to the sources of `get` and `seed`, for all who tell of it. Pure. */
import type { Metainfo } from "../../metainfo/metainfo.ts";
import type { PeerSnapshot, TorrentEvent } from "../../torrent/snapshot.ts";
import type { Failure } from "./failure.ts";
import type { SourceView } from "./progress.ts";
import type { Standing } from "./standing.ts";

/** The source that something happened to. */
export interface Subject {
  /** As it was typed, without secrets. */
  readonly source: string;
  /** Which one of the command line's sources it is, from 1; null for what is none of them. */
  readonly sourceIndex: number | null;
  /** Another source of the command line looks the same without secrets. */
  readonly isAmbiguous?: boolean;
  /** The torrent's name, or the source while that is not known: printable. */
  readonly name: string;
  /** Lower-case hex; null while it is not known. */
  readonly infoHash: string | null;
}

/** A subject of which no more is known than what it was typed as, printable. */
export function subjectNamed(source: string): Subject {
  return { source, sourceIndex: null, name: source, infoHash: null };
}

/** Those of all sources of a command line, printable; which are alike shows in their names. */
export function subjectsOf(sources: readonly string[]): Subject[] {
  const counts = new Map<string, number>();
  for (const source of sources) counts.set(source, (counts.get(source) ?? 0) + 1);
  return sources.map((source, at) => {
    const subject = { ...subjectNamed(source), sourceIndex: at + 1 };
    if (counts.get(source) === 1) return subject;
    return { ...subject, name: `${source} (${numberedSource(subject)})`, isAmbiguous: true };
  });
}

/** What tells a source from another one that looks the same: `source 2`. */
export function numberedSource({ sourceIndex }: Subject): string {
  return `source ${sourceIndex}`;
}

/** What is about no torrent in particular. */
export const PROGRAM = subjectNamed("starling");

export type Notice =
  | {
    readonly kind: "added";
    readonly metainfo: Metainfo;
    /** What was selected: bytes and files. */
    readonly size: number;
    readonly fileCount: number;
  }
  | {
    /** The metadata of a magnet is here. */
    readonly kind: "metadata";
    /** Bytes of the info dictionary. */
    readonly length: number;
    /** An earlier run had kept it. */
    readonly isKept: boolean;
    readonly durationMs: number;
  }
  | {
    /** `--metadata-only`: the .torrent is written, or was there. */
    readonly kind: "saved";
    readonly path: string;
    readonly length: number;
    readonly durationMs: number;
    readonly isNew: boolean;
  }
  | { readonly kind: "torrent"; readonly event: TorrentEvent }
  | { readonly kind: "done"; readonly summary: Summary }
  | {
    readonly kind: "seeding";
    /** Bytes that are shared, and those of the whole torrent. */
    readonly bytes: number;
    readonly size: number;
    readonly path: string;
  }
  | { readonly kind: "seeded"; readonly shared: Shared }
  | { readonly kind: "failed"; readonly failure: Failure }
  | {
    /** Why it is not done yet. */
    readonly kind: "standing";
    readonly standing: Standing;
    /** Somebody asked, by a signal; else it is told regularly. */
    readonly isAsked: boolean;
  }
  | ({ readonly kind: "feed" } & FeedSummary)
  | ({ readonly kind: "feed-item" } & FeedItemState)
  | { readonly kind: "warning"; readonly message: string }
  | { readonly kind: "debug"; readonly message: string };

/** A feed that was read, or has not changed. */
export interface FeedSummary {
  /** Empty when it has not changed, or has none. */
  readonly title: string;
  /** The server says that nothing has changed since the last run. */
  readonly isUnchanged: boolean;
  /** Items of the feed; those that are new, remembered, not wanted. The rest offer no torrent. */
  readonly items: number;
  readonly added: number;
  readonly known: number;
  readonly skipped: number;
  /** Items to be fetched, those of earlier runs too. */
  readonly waiting: number;
}

/** What becomes of an item of a feed. */
export interface FeedItemState {
  readonly title: string;
  /** `failed` is tried again by the next run, `given-up` is not; `found` is all of a dry run. */
  readonly state: "found" | "begun" | "fetched" | "failed" | "given-up";
  /** Failures of its own, so far. */
  readonly tries: number;
}

/** A source that is complete and verified. */
export interface Summary {
  readonly fileCount: number;
  /** Bytes that were selected. */
  readonly size: number;
  /** Bytes of blocks received, and sent, in this run. */
  readonly downloaded: number;
  readonly uploaded: number;
  /** Peers that gave at least one good block. */
  readonly contributors: number;
  readonly durationMs: number;
  /** Where it is: the output folder and the root, `/`-separated. */
  readonly path: string;
}

/** How sharing ended. */
export interface Shared {
  /** What was reached, or that it was stopped before. */
  readonly reason: "ratio" | "time" | "stopped";
  /** Since all was here. */
  readonly durationMs: number;
  /** Bytes of blocks sent in this run. */
  readonly uploaded: number;
  /** Copies sent. */
  readonly ratio: number;
}

/** Bytes a second over the whole run. */
export function meanRate({ downloaded, durationMs }: Summary): number {
  return durationMs > 0 ? Math.round(downloaded * 1000 / durationMs) : 0;
}

/** Who tells of it: on a terminal, in plain lines, in JSON, in a log. */
export interface Audience {
  /** Is it to hear regularly how all sources stand? */
  readonly wantsStandings?: boolean;
  /** Is it to hear of every piece? They may come by the ten thousand a second. */
  readonly wantsPieces?: boolean;
  hear(subject: Subject, notice: Notice): void;
  /** How all sources are, several times a second. */
  show(sources: readonly SourceView[], peers: readonly PeerSnapshot[]): void;
  /** Nothing more will come. Resolves once all is written. */
  close(): Promise<void>;
}
