/** Each cause of the table in README.md, once with real processes. */
import type { Finished } from "./checkout.ts";
import { freePort } from "./lab.ts";
import {
  assertPrintedAsDocumented,
  assertVerdict,
  type Expectation,
  GIVE_UP,
  inParallel,
  VerdictRoom,
} from "./verdict_room.ts";

/** Processes at once: each mostly waits. */
const AT_ONCE = 8;
/** Enough to begin, and not for all of the data. */
const DEADLINE = ["--deadline", "12s"];
const NOBODY = "d8:intervali1800e5:peers0:e";

interface Case extends Expectation {
  readonly name: string;
  /** Puts the world in place, and gives the arguments of `get`. */
  readonly arrange: (room: VerdictRoom) => Promise<string[]>;
}

const CASES: readonly Case[] = [
  {
    name: "every tracker fails: 404, a refusal in words, silence, nobody there",
    code: 11,
    verdict: "trackers-failed",
    words: /HTTP status 404.*it says "unregistered torrent".*no answer.*and 1 more/,
    arrange: async (room) => [
      ...GIVE_UP,
      await room.torrent(
        room.tracker("not found", 404),
        room.tracker("d14:failure reason20:unregistered torrente"),
        `udp://${room.silence()}/announce`,
        `http://${room.closedPort()}/announce`,
      ),
    ],
  },
  {
    name: "every tracker fails, and the only DHT node is silent",
    code: 11,
    verdict: "trackers-failed",
    words:
      /no other source of peers, and (of \d+ DHT nodes? asked none answered|no DHT node is known)/,
    arrange: async (room) => [
      ...GIVE_UP,
      "--dht-bootstrap",
      room.silence(),
      await room.torrent(`http://${room.closedPort()}/announce`),
    ],
  },
  {
    name: "the tracker answers, and names nobody",
    code: 12,
    verdict: "no-peers",
    words: /1 tracker answered, and named nobody; try again later/,
    arrange: async (room) => [...GIVE_UP, await room.torrent(room.tracker(NOBODY))],
  },
  {
    name: "the tracker names only ourselves",
    code: 12,
    verdict: "no-peers",
    words: /1 tracker answered, and named nobody/,
    arrange: async (room) => {
      const port = freePort();
      const peers = `d5:peersld2:ip9:127.0.0.14:porti${port}eeee`;
      return [...GIVE_UP, "--port", `${port}`, await room.torrent(room.tracker(peers))];
    },
  },
  {
    name: "there is nobody to ask",
    code: 12,
    verdict: "no-peers",
    words: /no tracker may be asked; name a peer with --peer, or allow the DHT/,
    arrange: async (room) => [...GIVE_UP, await room.torrent()],
  },
  {
    name: "peers refuse, never answer, or speak something else",
    code: 13,
    verdict: "peers-unreachable",
    words: /none of 3 known peers can be reached \(.*\d+ × refused.*not answered yet/,
    arrange: (room) =>
      room.withPeers(room.closedPort(), room.hole(), room.peer({ kind: "garbage" })),
  },
  {
    name: "encryption is required, and the only peer takes none",
    code: 13,
    verdict: "peers-unreachable",
    // The end may come while it is dialled once more.
    words: /\(\d+ × took no encryption(, 1 not answered yet)?\); --encryption prefer would speak/,
    arrange: async (room) => [
      ...["--encryption", "require"],
      ...await room.withPeers(room.peer({ kind: "choking" })),
    ],
  },
  {
    name: "the only peer is ourselves",
    code: 13,
    verdict: "peers-unreachable",
    words: /1 is ourselves/,
    arrange: async (room) => {
      const port = freePort();
      return ["--port", `${port}`, ...await room.withPeers(`127.0.0.1:${port}`)];
    },
  },
  {
    name: "all peers choke us",
    code: 14,
    verdict: "all-choked",
    words: /2 peers connected, and nobody sends anything: 2 choke us/,
    arrange: (room) =>
      room.withPeers(room.peer({ kind: "choking" }), room.peer({ kind: "choking" })),
  },
  {
    name: "one chokes us, one has nothing, one lets us ask and is mute",
    code: 14,
    verdict: "all-choked",
    words: /3 peers connected.*1 chokes us, 1 lets us ask but sends nothing, 1 has nothing that/,
    arrange: (room) =>
      room.withPeers(
        room.peer({ kind: "choking" }),
        room.peer({ kind: "empty" }),
        room.peer({ kind: "mute" }),
      ),
  },
  {
    name: "there is only a partial seed",
    code: 15,
    verdict: "swarm-incomplete",
    words: /17 pieces of 17 missing are at no peer: the connected peer has none of them/,
    arrange: (room) => room.withPeers(room.seeder({ pieces: [0, 1, 5] }).endpoint),
  },
  {
    name: "the only peer has nothing",
    code: 15,
    verdict: "swarm-incomplete",
    words: /20 pieces of 20 missing are at no peer/,
    arrange: (room) => room.withPeers(room.peer({ kind: "empty" })),
  },
  {
    name: "there are only liars",
    code: 16,
    verdict: "only-bad-data",
    words: /arrived only corrupt \(\d+ hash failures?, \d banned for bad data: 127\.0\.0\.1:/,
    arrange: (room) => room.withPeers(liar(room), liar(room)),
  },
  {
    name: "the deadline comes while data comes",
    code: 17,
    verdict: "deadline",
    words: /data is coming from 1 of 1 connected peer, \d+ pieces missing; what is here is kept/,
    arrange: async (room) => {
      const seeder = room.seeder({ uploadRate: 20_000 });
      return [...DEADLINE, "--peer", seeder.endpoint, await room.torrent()];
    },
  },
  {
    name: "the deadline comes while data comes as slowly as we allowed",
    code: 17,
    verdict: "deadline",
    words:
      /data is coming from 1 of 1 connected peer, as slowly as our own limit of the rate has it, 20 pieces missing/,
    arrange: async (room) => [
      ...["--max-download-rate", "1K"],
      ...[...DEADLINE, "--peer", room.seeder().endpoint, await room.torrent()],
    ],
  },
  {
    name: "nothing comes for the time of --stall",
    code: 14,
    verdict: "all-choked",
    words: /gave up after 8\.0s without a new verified piece: 1 peer connected/,
    arrange: async (room) => {
      const peer = room.peer({ kind: "choking" });
      return [...GIVE_UP, "--peer", peer, await room.torrent()];
    },
  },
  {
    name: "nobody has the metadata of a magnet",
    code: 10,
    verdict: "no-metadata",
    words: /no metadata came in (6|7|8|9|\d\d)(\.\d)?s: 1 of 1 known peer tried, none reached/,
    arrange: (room) => {
      const hash = room.infoHash.toHex();
      const link = `magnet:?xt=urn:btih:${hash}&x.pe=${room.closedPort()}`;
      return Promise.resolve(["--metadata-timeout", "6s", link]);
    },
  },
  {
    name: "nobody has the metadata of a magnet, and --stall is all that was said",
    code: 10,
    verdict: "no-metadata",
    words: /no metadata came in ([2-9]|\d\d)(\.\d)?s \(--stall\): no peers are known/,
    arrange: (room) =>
      Promise.resolve(["--stall", "2s", `magnet:?xt=urn:btih:${room.infoHash.toHex()}`]),
  },
  {
    name: "every tracker fails, and a DHT node knows nobody",
    code: 12,
    verdict: "no-peers",
    words: /of 1 tracker none answered \(.*\), and of \d+ DHT nodes? asked [1-9]\d* answered/,
    arrange: async (room) => [
      ...GIVE_UP,
      "--dht-bootstrap",
      room.node(),
      await room.torrent(`http://${room.closedPort()}/announce`),
    ],
  },
  {
    name: "the peer shares another torrent",
    code: 13,
    verdict: "peers-unreachable",
    // The end may come while it is dialled once more.
    words: /none of 1 known peer can be reached \(\d+ × another torrent(, 1 not answered yet)?\)/,
    arrange: (room) => room.withPeers(room.seeder({ infoHash: new Uint8Array(20) }).endpoint),
  },
  {
    name: "two sources fail, the second for good",
    code: 6,
    verdict: "occupied",
    retryable: false,
    words: /the file there is something else/,
    failures: 2,
    arrange: async (room) => {
      const folder = room.output();
      await Deno.mkdir(room.checkout.path(folder));
      await Deno.writeTextFile(room.checkout.path(folder, "data.bin"), "mine");
      const missing = `magnet:?xt=urn:btih:${"ab".repeat(20)}`;
      return ["-o", folder, "--metadata-timeout", "3s", missing, await room.torrent()];
    },
  },
  {
    name: "the target is something else",
    code: 6,
    verdict: "occupied",
    retryable: false,
    words: /the file there is something else; use --overwrite/,
    arrange: async (room) => {
      const folder = room.output();
      await Deno.mkdir(room.checkout.path(folder));
      await Deno.writeTextFile(room.checkout.path(folder, "data.bin"), "mine");
      return ["-o", folder, await room.torrent()];
    },
  },
  {
    name: "Deno may not write to the target",
    code: 4,
    verdict: "permission",
    retryable: false,
    words: /--allow-write=/,
    arrange: async (room) => ["-o", room.lab.path("elsewhere"), await room.torrent()],
  },
];

function liar(room: VerdictRoom): string {
  return room.seeder({ spoil: (block) => block.map((byte) => byte ^ 1) }).endpoint;
}

Deno.test("get says in its exit code, in JSON and in one sentence why it is not done", async (t) => {
  await using room = await VerdictRoom.open();
  const runs = await inParallel(
    CASES.map(({ arrange }) => async (): Promise<Finished> => {
      const args = await arrange(room);
      return await room.get(...args.includes("-o") ? [] : ["-o", room.output()], ...args);
    }),
    AT_ONCE,
  );
  for (const [index, expected] of CASES.entries()) {
    await t.step(`${expected.code} when ${expected.name}`, () => {
      assertVerdict(runs[index]!, expected);
    });
  }
});

Deno.test("the runs of this file print what the schema says", assertPrintedAsDocumented);
