/** How people are told: in place on a terminal, in plain lines elsewhere, and in a log file. */
import type { Clock } from "../../base/ambient.ts";
import type { PeerSnapshot } from "../../torrent/snapshot.ts";
import type { Audience, Notice, Subject } from "./notice.ts";
import type { Output, StandardStreams } from "./output.ts";
import { renderPlainLine, renderView, type SourceView } from "./progress.ts";
import { Screen } from "./screen.ts";
import { type Level, sentenceOf } from "./sentences.ts";

/** Without a terminal progress is a line this often: a cron mail stays short. */
const PLAIN_INTERVAL_MS = 30_000;

const PREFIX = "starling: ";

/** How much is said. */
export interface Loudness {
  /** Nothing but errors. */
  readonly quiet: boolean;
  /** Everything. */
  readonly verbose: boolean;
}

/** The live view, with sentences going by above it. */
export class TerminalAudience implements Audience {
  readonly wantsStandings: boolean;
  readonly #streams: StandardStreams;
  readonly #loudness: Loudness;
  readonly #screen: Screen;

  constructor(streams: StandardStreams, loudness: Loudness) {
    this.#streams = streams;
    this.#loudness = loudness;
    this.wantsStandings = loudness.verbose;
    this.#screen = new Screen(streams.stdout);
  }

  hear(subject: Subject, notice: Notice): void {
    const sentence = sentenceOf(subject, notice);
    if (!isSaid(sentence.level, this.#loudness)) return;
    const { level, text } = sentence;
    const { stderr } = this.#streams;
    // On the same terminal it must not write across the view.
    const isForStderr = level === "error" || level === "answer";
    if (isForStderr && !stderr.isTerminal) stderr.writeLine(PREFIX + text);
    else this.#screen.print(level === "info" ? text : PREFIX + text);
  }

  show(sources: readonly SourceView[], peers: readonly PeerSnapshot[]): void {
    const { useColor } = this.#streams;
    const shownPeers = this.#loudness.verbose ? peers : [];
    const size = this.#streams.terminalSize();
    this.#screen.draw(renderView(sources, shownPeers, { ...size, useColor }));
  }

  close(): Promise<void> {
    this.#screen.close();
    return this.#streams.stdout.flush();
  }
}

type PlainStreams = Pick<StandardStreams, "stdout" | "stderr"> & { readonly clock: Clock };

/** Plain lines, no control codes: results on standard output, the rest on standard error. */
export class PlainAudience implements Audience {
  readonly wantsStandings: boolean;
  readonly #streams: PlainStreams;
  readonly #loudness: Loudness;
  #shownAt: number;

  constructor(streams: PlainStreams, loudness: Loudness) {
    this.#streams = streams;
    this.#loudness = loudness;
    this.wantsStandings = loudness.verbose;
    this.#shownAt = streams.clock.now();
  }

  hear(subject: Subject, notice: Notice): void {
    const sentence = sentenceOf(subject, notice);
    if (!isSaid(sentence.level, this.#loudness)) return;
    const { level, text } = sentence;
    if (level === "info") this.#streams.stdout.writeLine(text);
    else this.#streams.stderr.writeLine(PREFIX + text);
  }

  show(sources: readonly SourceView[]): void {
    const now = this.#streams.clock.now();
    if (this.#loudness.quiet || now - this.#shownAt < PLAIN_INTERVAL_MS) return;
    this.#shownAt = now;
    this.#streams.stdout.writeLine(renderPlainLine(sources));
  }

  close(): Promise<void> {
    return this.#streams.stdout.flush();
  }
}

/** Everything, with its time, in a file. */
export class LogAudience implements Audience {
  readonly wantsStandings = true;
  readonly wantsPieces = true;
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #file: { close(): void };

  /** `file` is closed once all has been written. */
  constructor(output: Output, clock: Clock, file: { close(): void }) {
    this.#output = output;
    this.#clock = clock;
    this.#file = file;
  }

  hear(subject: Subject, notice: Notice): void {
    const { level, text } = sentenceOf(subject, notice);
    this.#output.writeLine(`${timestamp(this.#clock)} ${level} ${text}`);
  }

  show(): void {}

  async close(): Promise<void> {
    await this.#output.flush();
    this.#file.close();
  }
}

/** RFC 3339, in UTC. */
function timestamp(clock: Clock): string {
  return new Date(clock.wallTime()).toISOString();
}

function isSaid(level: Level, { quiet, verbose }: Loudness): boolean {
  switch (level) {
    case "error":
    case "answer":
      return true;
    case "warning":
    case "info":
      return !quiet;
    case "debug":
      return verbose;
    case "trace":
      return false;
  }
}
