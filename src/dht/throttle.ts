/** How many messages of one address are looked at (hostile-inputs H3). Pure; `now` in milliseconds. */
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import { crowdKey } from "./crowd_key.ts";

/** So many messages of one address in so much time are more than any node needs to send. */
const MAX_MESSAGES = 50;
const WINDOW_MS = 10_000;
/** Who sent more is not listened to for so long. */
const SILENCE_MS = 5 * 60_000;
/** Addresses that are watched, as many as libtorrent does; a flood of more gets few answers. */
const MAX_WATCHED = 20;

interface Sender {
  /** When its window ends, or its silence. */
  until: number;
  messages: number;
}

/** Knows who sends too much. */
export class Throttle {
  readonly #senders = new Map<string, Sender>();

  /** May a message of this sender be looked at? */
  allows(from: Endpoint, now: number): boolean {
    // On this machine and in private networks many nodes may share an address.
    const key = crowdKey(from.host) ?? formatEndpoint(from);
    const sender = this.#senders.get(key);
    if (sender === undefined) {
      if (this.#senders.size >= MAX_WATCHED) this.#forgetOne(now);
      this.#senders.set(key, { until: now + WINDOW_MS, messages: 1 });
      return true;
    }
    if (now >= sender.until) {
      sender.until = now + WINDOW_MS;
      sender.messages = 0;
    }
    sender.messages++;
    if (sender.messages <= MAX_MESSAGES) return true;
    // Once: silence ends also for who goes on sending, and begins anew if he still does.
    if (sender.messages === MAX_MESSAGES + 1) sender.until = now + SILENCE_MS;
    return false;
  }

  /** Whoever has sent least lately: an offender is not made unknown by many new addresses. */
  #forgetOne(now: number): void {
    let quietest: { key: string; messages: number } | undefined;
    for (const [key, sender] of this.#senders) {
      const messages = now >= sender.until ? 0 : sender.messages;
      if (quietest === undefined || messages < quietest.messages) quietest = { key, messages };
    }
    if (quietest !== undefined) this.#senders.delete(quietest.key);
  }
}
