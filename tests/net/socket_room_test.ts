import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { SocketRoom } from "../../src/net/socket_room.ts";

/** A process that can open so many files, and has opened none; `asked` tells what was counted. */
class Host {
  readonly asked: number[] = [];
  scarceCount = 0;
  others = 0;
  settled = Promise.resolve();
  readonly room: SocketRoom;
  taken = 0;

  constructor(files: number) {
    this.room = new SocketRoom({
      settled: () => this.settled,
      countFree: (most) => {
        this.asked.push(most);
        return Math.min(most, files - this.others - this.taken);
      },
      onScarce: () => this.scarceCount++,
    });
  }

  /** Takes places until there is none, or `most` are taken. */
  async fill(most: number): Promise<number> {
    while (this.taken < most && await this.room.take()) this.taken++;
    return this.taken;
  }
}

const CASES: readonly { files: number; others: number; places: number; scarce: number }[] = [
  { files: 20, others: 10, places: 16, scarce: 1 },
  { files: 64, others: 25, places: 16, scarce: 1 },
  { files: 64, others: 10, places: 30, scarce: 1 },
  { files: 100, others: 25, places: 51, scarce: 1 },
  { files: 256, others: 25, places: 207, scarce: 1 },
  { files: 10_000, others: 25, places: 500, scarce: 0 },
];

for (const { files, others, places, scarce } of CASES) {
  Deno.test(`S8 take() gives ${places} places of ${files} files when ${others} are open`, async () => {
    const host = new Host(files);
    host.others = others;
    strictEqual(await host.fill(500), places);
    strictEqual(host.scarceCount, scarce);
  });
}

Deno.test("take() counts nothing for the first 16, and once when many ask at the same time", async () => {
  const host = new Host(10_000);
  await host.fill(16);
  deepStrictEqual(host.asked, []);
  const taken = await Promise.all(Array.from({ length: 50 }, () => host.room.take()));
  strictEqual(taken.every(Boolean), true);
  deepStrictEqual(host.asked, [128]);
});

Deno.test("S8 take() counts no files before what was started is loaded", async () => {
  const host = new Host(100);
  await host.fill(16);
  const loading = Promise.withResolvers<void>();
  host.settled = loading.promise;
  const taking = host.room.take();
  await Promise.resolve();
  deepStrictEqual(host.asked, []);
  loading.resolve();
  strictEqual(await taking, true);
  deepStrictEqual(host.asked, [128]);
});

Deno.test("take() asks anew after what it waited for, or the counting, has failed", async () => {
  const failure = new Error("failed");
  const fail = (): never => {
    throw failure;
  };
  const settlings = [() => Promise.reject(failure), fail, () => Promise.resolve()];
  const countings = [fail, () => 128];
  const room = new SocketRoom({
    settled: () => (settlings.length > 1 ? settlings.shift()! : settlings[0]!)(),
    countFree: () => countings.shift()!(),
    onScarce: () => {},
  });
  for (let place = 0; place < 16; place++) await room.take();
  for (let attempt = 0; attempt < 3; attempt++) {
    const taking = [room.take(), room.take()];
    for (const taken of taking) await rejects(taken, failure);
  }
  strictEqual(await room.take(), true);
});

Deno.test("takeWhenFree() waits for a place that is released, and its signal ends the waiting", async () => {
  const host = new Host(40);
  const places = await host.fill(500);
  const closing = new AbortController();
  const waiting = [1, 2].map(() => host.room.takeWhenFree(closing.signal));
  let settled = 0;
  for (const taking of waiting) void taking.then(() => settled++);
  for (let released = 0; released < 4; released++) {
    await new Promise((resolve) => setTimeout(resolve));
    strictEqual(settled, 0, "three places are kept for those that are dialled");
    host.room.release();
  }
  strictEqual(await Promise.any(waiting), true);
  strictEqual(settled, 1, "one place is for one");
  closing.abort();
  deepStrictEqual((await Promise.all(waiting)).toSorted(), [false, true]);
  host.taken = places - 3;
  strictEqual(await host.fill(500), places);
});

Deno.test("maxPeers leaves places to others once places are scarce, and is no limit before", async () => {
  const host = new Host(64);
  strictEqual(host.room.maxPeers, Infinity);
  await host.fill(500);
  strictEqual(host.room.maxPeers, host.taken - 6);
});

Deno.test("release() asserts that a place is taken", async () => {
  const { room } = new Host(64);
  await rejects(Promise.try(() => room.release()), { name: "BugError" });
});
