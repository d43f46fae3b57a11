import { deepStrictEqual } from "node:assert/strict";
import { Liveness } from "../../src/peer/liveness.ts";
import { SessionEvents } from "../../src/peer/session_event.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";
import { decodeStream } from "../wire/decode_stream.ts";

class Scene {
  readonly output = new MessageWriter();
  readonly events = new SessionEvents();
  readonly liveness = new Liveness({ output: this.output, events: this.events, now: 1_000 });

  /** What is said and what happens when so much time has passed since the start. */
  at(ms: number): { said: string[]; events: string[] } {
    this.liveness.handleTimeout(1_000 + ms);
    const bytes = this.output.take()?.slice();
    if (bytes !== undefined) this.output.release();
    const said = bytes === undefined ? [] : decodeStream(bytes).map(({ kind }) => kind);
    const events = this.events.drain()
      .map((event) => event.kind === "close" ? event.reason : event.kind);
    return { said, events };
  }
}

const NOTHING = { said: [], events: [] };

Deno.test("P22 Liveness says a keep-alive when we have said nothing for 100 seconds", () => {
  const scene = new Scene();
  deepStrictEqual(scene.at(99_999), NOTHING);
  deepStrictEqual(scene.at(100_000), { said: ["keep-alive"], events: [] });
  scene.liveness.heardAt = 101_000;
  deepStrictEqual(scene.at(199_999), NOTHING);
  deepStrictEqual(scene.at(200_000), { said: ["keep-alive"], events: [] });
});

Deno.test("say() puts the next keep-alive off when the command says something", () => {
  const scene = new Scene();
  scene.liveness.say(() => {}, 51_000);
  deepStrictEqual(scene.at(100_000), { said: ["keep-alive"], events: [] });
  scene.liveness.heardAt = 101_000;
  scene.liveness.say(() => scene.output.unchoke(), 151_000);
  deepStrictEqual(scene.at(200_000), { said: ["unchoke"], events: [] });
});

Deno.test("P22 Liveness closes once, when the peer has been silent for 120 seconds", () => {
  const scene = new Scene();
  scene.liveness.saidAt = 51_000;
  deepStrictEqual(scene.at(119_999), NOTHING);
  deepStrictEqual(scene.at(120_000), { said: [], events: ["silent"] });
  deepStrictEqual(scene.at(500_000), NOTHING);
});
