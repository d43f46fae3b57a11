import { deepStrictEqual, ok, throws } from "node:assert/strict";
import { BugError } from "../../src/base/assert.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import { SessionEvents } from "../../src/peer/session_event.ts";

Deno.test("drain() gives each event once, and its array survives one more call", () => {
  const events = new SessionEvents();
  events.push({ kind: "unchoked" });
  const first = events.drain();
  events.push({ kind: "interested" });
  deepStrictEqual(first, [{ kind: "unchoked" }]);
  deepStrictEqual(events.drain(), [{ kind: "interested" }]);
  deepStrictEqual(events.drain(), []);
});

Deno.test("pushStatement() keeps what was before the first of those that wait", () => {
  const events = new SessionEvents();
  const first = new Bitfield(3), second = new Bitfield(3);
  events.pushStatement(first);
  events.pushStatement(second);
  ok(events.hasStatement);
  deepStrictEqual(events.drain(), [{ kind: "bitfield", previous: first }]);
  ok(!events.hasStatement);
  events.pushStatement(second);
  deepStrictEqual(events.drain(), [{ kind: "bitfield", previous: second }]);
});

Deno.test("close() is an event, and a state", () => {
  const events = new SessionEvents();
  ok(!events.isClosed);
  events.close("silent");
  ok(events.isClosed);
  deepStrictEqual(events.drain(), [{ kind: "close", reason: "silent" }]);
});

Deno.test("closeBy() closes for what the peer did, and throws what is our own mistake", () => {
  const events = new SessionEvents();
  const mistake = new BugError("a block was asked for twice");
  throws(() => events.closeBy(mistake), (thrown) => thrown === mistake);
  ok(!events.isClosed);
  deepStrictEqual(events.drain(), []);
  events.closeBy(new ProtocolError("pex-flood", "Cannot use the peer: it lists without end"));
  deepStrictEqual(events.drain(), [{ kind: "close", reason: "pex-flood" }]);
});
