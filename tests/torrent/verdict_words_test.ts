import { strictEqual } from "node:assert/strict";
import { type Evidence, judge } from "../../src/torrent/verdict.ts";
import { DEAD_TRACKER, EMPTY_TRACKER, makeEvidence } from "./evidence.ts";

const CASES: readonly [string, Partial<Evidence>, string][] = [
  [
    "the trackers' own words, and the DHT's silence",
    {
      trackers: [{ ...DEAD_TRACKER, failure: 'it says "gone"' }, { ...DEAD_TRACKER, url: "u" }],
      dht: { asked: 3, answered: 0 },
    },
    'no tracker gives peers (http://a/announce: it says "gone"; u: refused), and there is no ' +
    "other source of peers, and of 3 DHT nodes asked none answered; try again later, or name a " +
    "peer with --peer",
  ],
  [
    "three trackers, and how many more failed",
    {
      trackers: Array.from({ length: 86 }, (_, index) => ({ ...DEAD_TRACKER, url: `u${index}` })),
    },
    "no tracker gives peers (u0: refused; u1: refused; u2: refused; and 83 more), and there is " +
    "no other source of peers; try again later, or name a peer with --peer",
  ],
  [
    "who answered, and who did not",
    { trackers: [DEAD_TRACKER, EMPTY_TRACKER], dht: { asked: 0, answered: 0 } },
    "no peers are known: of 2 trackers 1 answered, and named nobody (http://a/announce: " +
    "refused), and no DHT node is known; try again later, or name a peer with --peer",
  ],
  [
    "that a tracker named only us",
    { trackers: [EMPTY_TRACKER], peersOurselves: 1 },
    "no peers are known: 1 tracker answered, and named nobody but ourselves; try again later, " +
    "or name a peer with --peer",
  ],
  [
    "that there is nobody to ask",
    {},
    "no peers are known: no tracker may be asked; name a peer with --peer, or allow the DHT",
  ],
  [
    "that there is nobody to ask for a private torrent",
    { isPrivate: true },
    "no peers are known: no tracker may be asked; name a peer with --peer",
  ],
  [
    "how dials failed, and what became of connections",
    {
      peersKnown: 4,
      peersOurselves: 1,
      dialsUnderWay: 1,
      dialFailures: { refused: 4, "malformed-handshake": 1 },
      departures: { "remote-closed": 2, finished: 9 },
    },
    "none of 4 known peers can be reached (4 × refused, 1 × no BitTorrent, 2 × hung up, " +
    "1 not answered yet, 1 is ourselves); check the network and the firewall, and try again later",
  ],
  [
    "that whoever was reached broke the protocol",
    {
      peersKnown: 2,
      dialFailures: { refused: 1 },
      departures: { "message-too-large": 4, "made-way": 1, finished: 9 },
    },
    "of 2 known peers none is connected: whoever was reached broke the protocol or left " +
    "(1 × refused, 4 × message-too-large, 1 × made way for others); try again when other peers " +
    "are there",
  ],
  [
    "that peers took no encryption where it is required",
    { peersKnown: 3, dialFailures: { "no-encryption": 2, refused: 1 } },
    "none of 3 known peers can be reached (2 × took no encryption, 1 × refused); " +
    "--encryption prefer would speak to those that take none",
  ],
  [
    "that there is but a web server, and it is of no use",
    { peersKnown: 1, dialFailures: { "web-seed": 3 } },
    "none of 1 known peer can be reached (3 × a web seed of no use); try again later, or name " +
    "another server with --web-seed",
  ],
  [
    "why web servers are of no use",
    {
      peersKnown: 2,
      dialFailures: { "web-seed": 2 },
      webSeedFaults: [
        { server: "a:80", fault: "it has no such file" },
        { server: "a:80", fault: "no answer in time" },
        { server: "b:80", fault: "it is unreachable" },
      ],
    },
    "none of 2 known peers can be reached (2 × a web seed of no use), and 2 web seeds failed " +
    "(a:80: it has no such file; a:80: no answer in time; b:80: it is unreachable); try again " +
    "later, or name another server with --web-seed",
  ],
  [
    "why a web server does not have what is at no peer, and nobody who is connected gives",
    {
      peersConnected: 1,
      peersChoking: 1,
      webSeedFaults: [{ server: "a:80", fault: "it has no such file" }],
    },
    "1 peer connected, and nobody sends anything: 1 chokes us, and 1 web seed failed (a:80: it " +
    "has no such file); peers make room in turn: try again with more time",
  ],
  [
    "that there is but a web server, which breaks off",
    { peersKnown: 1, departures: { "web-seed": 2, finished: 1 }, dialFailures: { "web-seed": 1 } },
    "none of 1 known peer can be reached (3 × a web seed of no use); try again later, or name " +
    "another server with --web-seed",
  ],
  [
    "that web servers and peers cannot be reached",
    { peersKnown: 2, departures: { "web-seed": 2 }, dialFailures: { refused: 1 } },
    "none of 2 known peers can be reached (1 × refused, 2 × a web seed of no use); check the " +
    "network and the firewall, and try again later",
  ],
  [
    "that no tracker named others than those who cannot be reached",
    { trackers: [DEAD_TRACKER], namedPeers: 1, peersKnown: 1, dialFailures: { refused: 1 } },
    "none of 1 known peer can be reached (1 × refused), and of 1 tracker none answered " +
    "(http://a/announce: refused); check the network and the firewall, and try again later",
  ],
  [
    "that the DHT is silent where there is no tracker",
    { dht: { asked: 1, answered: 0 } },
    "no peers are known: no tracker may be asked, and of 1 DHT node asked none answered; " +
    "try again later, or name a peer with --peer",
  ],
  [
    "what connected peers do",
    { peersConnected: 4, peersChoking: 2, peersMute: 1, peersEmpty: 1 },
    "4 peers connected, and nobody sends anything: 2 choke us, 1 lets us ask but sends nothing, " +
    "1 has nothing that we lack; peers make room in turn: try again with more time",
  ],
  [
    "what is at no peer",
    { peersConnected: 1, peersEmpty: 1, piecesMissing: 9, piecesUnavailable: 9 },
    "9 pieces of 9 missing are at no peer: the connected peer has none of them; what is here is " +
    "kept: try again when a seed is there",
  ],
  [
    "that all have left",
    { peersContributed: 1, departures: { "remote-closed": 1 }, dialFailures: { refused: 3 } },
    "10 pieces missing, and every peer has left: 1 peer gave data, 1 × hung up, 3 × refused; " +
    "what is here is kept: try again when a seed is there",
  ],
  [
    "who sent bad data",
    {
      peersBanned: 5,
      banned: ["a:1", "b:2", "c:3", "d:4"],
      piecesCorrupt: 2,
      piecesOnlyCorrupt: 2,
      hashFailures: 7,
    },
    "2 pieces arrived only corrupt (7 hash failures, 5 banned for bad data: a:1, b:2, c:3, and " +
    "2 more), of 10 missing; what is good is kept: try again when other peers are there",
  ],
  [
    "who gives, and what nobody has",
    { peersConnected: 2, peersGiving: 1, peersEmpty: 1, piecesUnavailable: 3 },
    "data is coming from 1 of 2 connected peers, 10 pieces missing, 3 of them at no connected " +
    "peer; what is here is kept: run it again with more time",
  ],
  [
    "that our own limit is in the way",
    { peersConnected: 1, peersGiving: 1, peersHeldBack: 1, piecesUnavailable: 0 },
    "data is coming from 1 of 1 connected peer, as slowly as our own limit of the rate has it, " +
    "10 pieces missing; what is here is kept: run it again with more time",
  ],
  [
    "that the system has no sockets for us, and nothing else is wrong",
    { peersKnown: 1, dialFailures: { exhausted: 1 } },
    "none of 1 known peer can be reached (1 × no socket free); raise the limit of open files " +
    "(ulimit -n)",
  ],
  [
    "that names are unknown, and nothing else is wrong",
    { peersKnown: 1, namedPeers: 1, dialFailures: { "unknown-name": 2 } },
    "none of 1 known peer can be reached (2 × name unknown); look how their names are written",
  ],
];

for (const [what, facts, detail] of CASES) {
  Deno.test(`situationOf() and adviceOn() say ${what}`, () => {
    strictEqual(judge(makeEvidence(facts)).detail, detail);
  });
}
