import { deepStrictEqual, match, ok } from "node:assert/strict";
import { realEnvironment } from "../../src/cli/environment/environment.ts";
import { run } from "../../src/cli/run.ts";
import { FakeEnvironment } from "./fake_environment.ts";

const INFO_HASH = "ab".repeat(20);
const QUERY =
  `info_hash=${INFO_HASH.replaceAll(/../g, "%$&")}&peer_id=${"p".repeat(20)}&port=6881` +
  "&uploaded=0&downloaded=0&left=0&compact=1";

/** A tracker under way on a free port, with the environment's own time. */
async function withTracker(
  args: readonly string[],
  test: (environment: FakeEnvironment, url: string) => Promise<void>,
): Promise<FakeEnvironment> {
  const environment = new FakeEnvironment({ args: ["tracker", "--port", "0", ...args] });
  const running = run(environment);
  try {
    while (!environment.out.includes("udp:")) await realEnvironment().clock.sleep(5);
    const port = /udp:.*:(\d+)/.exec(environment.out)![1]!;
    await test(environment, `http://127.0.0.1:${port}/announce?${QUERY}`);
  } finally {
    environment.signal("SIGTERM");
    deepStrictEqual(await running, 0);
  }
  return environment;
}

async function fetchText(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

Deno.test("tracker says where it is and whom it knows, until a signal ends it with 0", async () => {
  const { out, err } = await withTracker([], async (environment, url) => {
    match(await fetchText(url), /8:completei1e/);
    const hasStatistics = () => environment.out.includes("seeder");
    ok(await environment.clock.run(hasStatistics, 120_000));
  });
  ok(out.includes("http://THIS-MACHINE:"), out);
  ok(out.endsWith("1 torrent, 1 seeder, 0 leechers\n"), out);
  deepStrictEqual(err, "");
});

Deno.test("tracker serves only what is allowed, as often as it is told", async () => {
  const args = ["--bind", "127.0.0.1", "--interval", "90s", "--allow"];
  await withTracker([...args, INFO_HASH.toUpperCase()], async ({ out }, url) => {
    ok(out.includes("1 torrent until"), out);
    ok(out.includes("\nhttp://127.0.0.1:"), out);
    match(await fetchText(url), /8:intervali90e/);
  });
  await withTracker([...args, "cd".repeat(20)], async (_environment, url) => {
    match(await fetchText(url), /failure reason/);
  });
});

Deno.test("tracker exits 2 when its port is taken", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const environment = new FakeEnvironment({
    args: ["tracker", "--bind", "127.0.0.1", "--port", `${port}`],
  });
  deepStrictEqual(await run(environment), 2);
  ok(environment.err.includes(`${port}`), environment.err);
  listener.close();
});
