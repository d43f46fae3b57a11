/** A verdict in words: what is so, with the evidence, and what to try. Pure. */
import type { CloseReason } from "../base/errors.ts";
import type { Cause, Evidence } from "./verdict.ts";

/** Trackers and banned peers that are named; the rest is counted. */
const MAX_NAMED = 3;

/** One sentence without its end; "" for causes that are no torrent's. */
export function situationOf(cause: Cause, facts: Evidence): string {
  switch (cause) {
    case "complete":
      return "complete and verified";
    case "trackers-failed":
      return `no tracker gives peers (${trackerFailures(facts)}), and there is no other source ` +
        `of peers${dhtAnswers(facts)}`;
    case "no-peers":
      return `no peers are known: ${trackerAnswers(facts)}${dhtAnswers(facts)}`;
    case "peers-unreachable":
      return `none of ${count(knownPeers(facts), "known peer")} can be reached ` +
        `(${failedDials(facts)})${webSeedFaults(facts)}${moreSources(facts)}`;
    case "all-choked":
      if (facts.peersConnected === 0) return breaks(facts);
      return `${connected(facts)}, and nobody sends anything: ${standings(facts)}${bans(facts)}` +
        webSeedFaults(facts);
    case "swarm-incomplete":
      return incompleteness(facts) + webSeedFaults(facts);
    case "only-bad-data":
      return `${count(facts.piecesCorrupt, "piece")} arrived only corrupt ` +
        `(${count(facts.hashFailures, "hash failure")}${bans(facts)})` +
        `, of ${facts.piecesMissing} missing`;
    case "deadline":
      return `data is coming from ${facts.peersGiving} of ${
        count(facts.peersConnected, "connected peer")
      }${ownLimit(facts)}, ${count(facts.piecesMissing, "piece")} missing${elsewhere(facts)}`;
    default:
      return "";
  }
}

/** "" when there is nothing to be done. */
export function adviceOn(cause: Cause, facts: Evidence): string {
  switch (cause) {
    case "trackers-failed":
      return "try again later, or name a peer with --peer";
    case "no-peers":
      if (facts.trackers.length > 0 || facts.dht !== undefined) {
        return "try again later, or name a peer with --peer";
      }
      return facts.isPrivate
        ? "name a peer with --peer"
        : "name a peer with --peer, or allow the DHT";
    case "peers-unreachable":
      if (isOnly("web-seed", facts)) {
        return "try again later, or name another server with --web-seed";
      }
      if (isOnly("exhausted", facts)) return "raise the limit of open files (ulimit -n)";
      if (isOnly("unknown-name", facts)) return "look how their names are written";
      return facts.dialFailures["no-encryption"] === undefined
        ? "check the network and the firewall, and try again later"
        : "--encryption prefer would speak to those that take none";
    case "all-choked":
      if (facts.peersConnected === 0) return "try again when other peers are there";
      return "peers make room in turn: try again with more time";
    case "swarm-incomplete":
      return "what is here is kept: try again when a seed is there";
    case "only-bad-data":
      return "what is good is kept: try again when other peers are there";
    case "deadline":
      return "what is here is kept: run it again with more time";
    default:
      return "";
  }
}

function connected({ peersConnected }: Evidence): string {
  return `${count(peersConnected, "peer")} connected`;
}

/** `2 choke us, 1 lets us ask but sends nothing, 1 has nothing that we lack` */
function standings({ peersChoking, peersMute, peersEmpty }: Evidence): string {
  const facts: string[] = [];
  if (peersChoking > 0) facts.push(`${peersChoking} ${verb(peersChoking, "choke")} us`);
  if (peersMute > 0) {
    facts.push(
      `${peersMute} ${verb(peersMute, "let")} us ask but ${verb(peersMute, "send")} nothing`,
    );
  }
  if (peersEmpty > 0) {
    facts.push(`${peersEmpty} ${peersEmpty === 1 ? "has" : "have"} nothing that we lack`);
  }
  return facts.join(", ");
}

function incompleteness(facts: Evidence): string {
  const { peersConnected, peersContributed, piecesMissing, piecesUnavailable } = facts;
  if (peersConnected === 0) {
    const ends = reasons(theirEnds(facts), facts.dialFailures);
    return `${count(piecesMissing, "piece")} missing, and every peer has left: ` +
      `${count(peersContributed, "peer")} gave data` +
      (ends.length > 0 ? `, ${ends.join(", ")}` : "");
  }
  const those = peersConnected === 1
    ? "the connected peer has none"
    : `none of ${count(peersConnected, "connected peer")} has one`;
  return `${count(piecesUnavailable, "piece")} of ${piecesMissing} missing ` +
    `${piecesUnavailable === 1 ? "is" : "are"} at no peer: ${those} of them` + bans(facts);
}

function ownLimit({ peersHeldBack }: Evidence): string {
  return peersHeldBack === 0 ? "" : ", as slowly as our own limit of the rate has it";
}

/** What lacks beyond those who give. */
function elsewhere({ piecesUnavailable }: Evidence): string {
  return piecesUnavailable === 0 ? "" : `, ${piecesUnavailable} of them at no connected peer`;
}

function bans({ peersBanned, banned }: Evidence): string {
  if (peersBanned === 0) return "";
  return `, ${peersBanned} banned for bad data: ${named(banned, peersBanned)}`;
}

/** Those that the user named may be among the others. */
export function knownPeers({ peersKnown, namedPeers }: Evidence): number {
  return Math.max(peersKnown, namedPeers);
}

type DialFacts = Pick<
  Evidence,
  "dialFailures" | "departures" | "dialsUnderWay" | "peersOurselves"
>;

/** Why others could not be reached. */
export function failedDials(facts: DialFacts): string {
  const { peersOurselves, dialsUnderWay } = facts;
  const words = reasons(facts.dialFailures, theirEnds(facts));
  if (dialsUnderWay > 0) words.push(`${dialsUnderWay} not answered yet`);
  if (peersOurselves > 0) words.push(`${peersOurselves} ${verb(peersOurselves, "be")} ourselves`);
  return words.length > 0 ? words.join(", ") : "not answered yet";
}

/** `, and 1 web seed failed (a:80: it has no such file)` */
function webSeedFaults({ webSeedFaults: faults }: Evidence): string {
  if (faults.length === 0) return "";
  const servers = new Set(faults.map(({ server }) => server));
  const told = faults.map(({ server, fault }) => `${server}: ${fault}`);
  return `, and ${count(servers.size, "web seed")} failed (${named(told, told.length, "; ")})`;
}

/** Who might have named others, and did not answer. */
function moreSources(facts: Evidence): string {
  const { trackers } = facts;
  if (trackers.length === 0 || trackers.some(({ hasAnswered }) => hasAnswered)) return "";
  return `, and of ${count(trackers.length, "tracker")} none answered (${trackerFailures(facts)})`;
}

/** What programs call reasons, for people. */
const REASONS: Readonly<Record<string, string>> = {
  "timeout": "no answer",
  "unknown-name": "name unknown",
  "limit": "no socket free",
  "exhausted": "no socket free",
  "proxy": "the proxy failed",
  "no-encryption": "took no encryption",
  "web-seed": "a web seed of no use",
  "malformed-handshake": "no BitTorrent",
  "wrong-info-hash": "another torrent",
  "handshake-timeout": "no handshake",
  "remote-closed": "hung up",
  "made-way": "made way for others",
};

type Counts = Readonly<Record<string, number>>;

/** Reasons for which we end a connection, as the peer broke the protocol. */
const BREAKS: readonly CloseReason[] = [
  "malformed-message",
  "message-too-large",
  "invalid-index",
  "unrequested-block",
  "unnegotiated-extension",
  "request-flood",
  "pex-flood",
];

/** How often peers were reached that then broke the protocol. */
export function breakCount({ departures }: Pick<Evidence, "departures">): number {
  return BREAKS.reduce((total, reason) => total + (departures[reason] ?? 0), 0);
}

/** How often peers were dialled and not reached, so far. */
export function unreachedCount(
  { dialFailures, dialsUnderWay }: Pick<Evidence, "dialFailures" | "dialsUnderWay">,
): number {
  return Object.values(dialFailures).reduce((total, times) => total + times, dialsUnderWay);
}

/** Who was reached, and is gone. */
function breaks(facts: Evidence): string {
  const known = count(knownPeers(facts), "known peer");
  return `of ${known} none is connected: whoever was reached broke the protocol or left ` +
    `(${failedDials(facts)})${bans(facts)}${webSeedFaults(facts)}${moreSources(facts)}`;
}

/** Those we ended ourselves say nothing of the peers. */
function theirEnds({ departures }: Pick<Evidence, "departures">): Counts {
  const { finished: _, banned: __, ...ends } = departures;
  return ends;
}

/** Nobody has failed for another reason: it is not for want of a network. */
function isOnly(reason: string, facts: Evidence): boolean {
  const failures = Object.keys({ ...facts.dialFailures, ...theirEnds(facts) });
  return failures.join() === reason;
}

/** What is counted in both is told once. */
function reasons(counts: Counts, others: Counts): string[] {
  const total: Record<string, number> = { ...counts };
  for (const [reason, times] of Object.entries(others)) {
    total[reason] = (total[reason] ?? 0) + times;
  }
  return Object.entries(total)
    .filter(([, times]) => times > 0)
    .map(([reason, times]) => `${times} × ${REASONS[reason] ?? reason}`);
}

/** `http://a/announce: it says "gone"; udp://b:80/announce: no answer; and 3 more` */
function trackerFailures({ trackers }: Evidence): string {
  const failures = trackers.filter(({ hasAnswered }) => !hasAnswered)
    .map(({ url, failure }) => `${url}: ${failure ?? "no answer yet"}`);
  return named(failures, failures.length, "; ");
}

function trackerAnswers(facts: Evidence): string {
  const { trackers, peersOurselves } = facts;
  if (trackers.length === 0) return "no tracker may be asked";
  const answered = trackers.filter(({ hasAnswered }) => hasAnswered).length;
  const whom = peersOurselves > 0 ? "nobody but ourselves" : "nobody";
  const all = count(trackers.length, "tracker");
  if (answered === trackers.length) return `${all} answered, and named ${whom}`;
  const failures = trackerFailures(facts);
  if (answered === 0) return `of ${all} none answered (${failures})`;
  return `of ${all} ${answered} answered, and named ${whom} (${failures})`;
}

function dhtAnswers({ dht }: Evidence): string {
  if (dht === undefined) return "";
  if (dht.asked === 0) return ", and no DHT node is known";
  const answered = dht.answered === 0 ? "none" : String(dht.answered);
  return `, and of ${count(dht.asked, "DHT node")} asked ${answered} answered`;
}

function named(names: readonly string[], total: number, separator = ", "): string {
  const shown = names.slice(0, MAX_NAMED);
  if (total > shown.length) shown.push(`and ${total - shown.length} more`);
  return shown.join(separator);
}

function verb(number: number, plural: string): string {
  if (plural === "be") return number === 1 ? "is" : "are";
  return number === 1 ? `${plural}s` : plural;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
