/** Small servers on loopback that fail in every way, and a `get` that meets them. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { SystemClock, SystemRandom } from "../../src/base/ambient.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import { DhtService } from "../../src/dht/service.ts";
import { DenoNetwork } from "../../src/net/deno_network.ts";
import { openDatagramSockets } from "../../src/net/datagram_sockets.ts";
import { assertValid } from "../cli/json_schema.ts";
import { type Behaviour, play } from "../sim/scripted_peer.ts";
import { Checkout, type Finished, finished } from "./checkout.ts";
import * as content from "./content.ts";
import { freePort, Lab, type Subprocess } from "./lab.ts";
import { ScriptedSeeder, type ScriptedSeederOptions } from "./scripted_seeder.ts";

const PIECE_LENGTH = 32_768;
const PIECES = 20;
const NAME = "data.bin";
/**
 * Enough for everything on loopback to have happened. It counts from where the download begins: how
 * long a process takes to start, on a busy machine, takes nothing of it.
 */
export const GIVE_UP = ["--stall", "8s"];

export class VerdictRoom implements AsyncDisposable {
  readonly lab: Lab;
  readonly checkout: Checkout;
  readonly data = content.randomBytes(PIECES * PIECE_LENGTH, 1);
  readonly #ending = new AsyncDisposableStack();
  #made = 0;

  private constructor(lab: Lab, checkout: Checkout) {
    this.lab = lab;
    this.checkout = checkout;
    this.#ending.use(lab);
  }

  static async open(): Promise<VerdictRoom> {
    const lab = await Lab.open();
    return new VerdictRoom(lab, await Checkout.make(lab));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ending.disposeAsync();
  }

  /** The path of a torrent whose trackers are these. */
  async torrent(...trackers: string[]): Promise<string> {
    const name = `${this.#made++}.torrent`;
    await Deno.writeFile(this.checkout.path(name), this.#makeTorrent(trackers).bytes);
    return name;
  }

  get infoHash(): Uint8Array {
    return this.#makeTorrent([]).infoHash;
  }

  #makeTorrent(trackers: readonly string[]): content.MadeTorrent {
    return content.makeTorrent(NAME, this.data, { pieceLength: PIECE_LENGTH, trackers });
  }

  /** Where nobody listens. */
  closedPort(): string {
    return `127.0.0.1:${freePort()}`;
  }

  /** An HTTP tracker that says the same to everybody. */
  tracker(body: string, status = 200): string {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response(body, { status }),
    );
    this.#ending.defer(() => server.shutdown());
    return `http://127.0.0.1:${server.addr.port}/announce`;
  }

  /** A UDP port that takes everything and answers nothing. */
  silence(): string {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    this.#ending.defer(() => socket.close());
    return `127.0.0.1:${(socket.addr as Deno.NetAddr).port}`;
  }

  /** A port that takes connections, and never says a word. */
  hole(): string {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#ending.defer(() => listener.close());
    return `127.0.0.1:${listener.addr.port}`;
  }

  /** A peer that has all pieces and serves them as it is told. */
  seeder(options: Partial<ScriptedSeederOptions> = {}): ScriptedSeeder {
    const { infoHash, data } = this;
    return this.#ending.use(
      new ScriptedSeeder({ infoHash, data, pieceLength: PIECE_LENGTH, ...options }),
    );
  }

  /** A DHT node that knows nobody. */
  node(): string {
    const clock = new SystemClock();
    const network = new DenoNetwork({ clock });
    const service = new DhtService({
      network,
      sockets: openDatagramSockets(network, { port: freePort(), address: "127.0.0.1" }),
      clock,
      random: new SystemRandom(),
      bootstrap: [],
    });
    this.#ending.defer(() => service.close());
    return `127.0.0.1:${service.port}`;
  }

  /** A peer that follows a script. */
  peer(behaviour: Behaviour): string {
    const clock = new SystemClock(), ended = new AbortController();
    const listener = new DenoNetwork({ clock }).listen({ ports: [0], address: "127.0.0.1" });
    const { infoHash } = this;
    const serve = async () => {
      const playing: Promise<void>[] = [];
      for await (const connection of listener) {
        const peerId = new SystemRandom().bytes(20) as PeerId;
        playing.push(play(connection, {
          infoHash: infoHash as InfoHash,
          peerId,
          clock,
          behaviour,
          signal: ended.signal,
        }));
      }
      await Promise.all(playing);
    };
    const serving = serve();
    this.#ending.defer(async () => {
      ended.abort();
      listener.close();
      await serving;
    });
    return `127.0.0.1:${listener.port}`;
  }

  /** A folder for one download, from the current folder of the runs. */
  output(): string {
    return `out${this.#made++}`;
  }

  /** To a torrent that names no tracker, but these peers. */
  async withPeers(...peers: string[]): Promise<string[]> {
    return [...GIVE_UP, ...peers.flatMap((peer) => ["--peer", peer]), await this.torrent()];
  }

  /** Starts `get --json`, which ends with the room. */
  start(...args: string[]): Subprocess {
    const process = this.checkout.start("get", "--json", "--bind", "127.0.0.1", ...args);
    this.#ending.defer(() => process.stop());
    return process;
  }

  /** The same, to its end. */
  get(...args: string[]): Promise<Finished> {
    return finished(this.start(...args));
  }
}

/** What the runs printed that `assertVerdict` has looked at: to be held to the schema. */
const printed: string[] = [];

export async function assertPrintedAsDocumented(): Promise<void> {
  const lines = printed.flatMap((stdout) => stdout.trimEnd().split("\n"));
  await assertValid("events", lines.map((line) => JSON.parse(line)));
}

/** What is expected of a run that failed. */
export interface Expectation {
  readonly code: number;
  readonly verdict: string;
  /** Of the sentence. */
  readonly words: RegExp;
  readonly retryable?: boolean;
  /** Sources that failed; that with the verdict is looked at. */
  readonly failures?: number;
}

/** The exit code, the JSON and the sentence of a run say the same, and what is expected. */
export function assertVerdict(run: Finished, expected: Expectation): void {
  const { code, verdict, words, retryable = true, failures = 1 } = expected;
  printed.push(run.stdout);
  const said = `${run.stdout}\n${run.stderr}`;
  strictEqual(run.code, code, said);
  const failed = run.events("failed");
  strictEqual(failed.length, failures, said);
  const { detail, evidence, ...event } = failed.find((event) => event["verdict"] === verdict) ??
    failed[0]!;
  deepStrictEqual([event["verdict"], event["exitCode"], event["retryable"]], [
    verdict,
    code,
    retryable,
  ], said);
  ok(typeof evidence === "object" && evidence !== null, said);
  match(detail as string, words);
  // Warnings of what happened on the way may come before.
  const lines = run.stderr.trimEnd().split("\n");
  ok(lines.every((line) => line.startsWith("starling: ")), said);
  strictEqual(lines.filter((line) => line.endsWith(detail as string)).length, 1, said);
}

/** Runs all tasks, so many at once; the results in their order. */
export async function inParallel<Result>(
  tasks: readonly (() => Promise<Result>)[],
  atOnce: number,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = [...tasks.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      results[next[0]] = await next[1]();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}
