/** `--select`, `--range` and `--sequential`, as a seeder sees them and as the disk does. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { assertExit, Checkout } from "./checkout.ts";
import { describeTree, makeTorrent, randomBytes } from "./content.ts";
import { Lab } from "./lab.ts";
import { type AskedBlock, ScriptedSeeder } from "./scripted_seeder.ts";

const PIECE_LENGTH = 65_536;
/** Seven and a half pieces, so that neighbours share one. */
const FILE_LENGTH = 491_520;
const NAMES = ["a.bin", "sub/b.bin", "sub/c.bin", "sub/deep/d.bin", "e.bin"];
const FILES = Object.fromEntries(
  NAMES.map((name, index) => [name, randomBytes(FILE_LENGTH, index + 1)]),
);
const TORRENT = makeTorrent("tree", FILES, { pieceLength: PIECE_LENGTH });

Deno.test("get --select asks only for pieces of the selected files and makes no others", async () => {
  await using seeder = new ScriptedSeeder(TORRENT);
  await using lab = await Lab.open();
  const checkout = await getTree(lab, seeder, "--select", "sub/c.bin", "--select", "5");

  const wanted = new Set([...piecesOf("sub/c.bin"), ...piecesOf("e.bin")]);
  deepStrictEqual(firstAskedOrder(seeder.asked).sort((a, b) => a - b), [...wanted]);
  const left = await describeTree(checkout.path("download", "tree"));
  deepStrictEqual(left.map((line) => line.split(" ")[0]), ["/e.bin", "/sub/c.bin"]);
  deepStrictEqual(
    await Deno.readFile(checkout.path("download", "tree", "sub", "c.bin")),
    FILES["sub/c.bin"],
  );
});

Deno.test("get --select asks for no piece twice, whatever was selected in between", async () => {
  await using seeder = new ScriptedSeeder(TORRENT);
  await using lab = await Lab.open();
  const checkout = await getTree(lab, seeder, "--select", "a.bin", "--select", "sub/b.bin");
  await getAgain(checkout, seeder, "--select", "e.bin");
  const asked = firstAskedOrder(seeder.asked).length;
  deepStrictEqual(asked, 15 + 8);
  const count = seeder.asked.length;
  await getAgain(checkout, seeder, "--select", "a.bin", "--sha256"); // What no receipt has yet.
  await getAgain(checkout, seeder, "--select", "sub/b.bin", "--no-resume");
  deepStrictEqual(seeder.asked.slice(count), []);
});

Deno.test("get --sequential asks for pieces in order", async () => {
  await using seeder = new ScriptedSeeder(TORRENT);
  await using lab = await Lab.open();
  await getTree(lab, seeder, "--sequential");

  const order = firstAskedOrder(seeder.asked);
  deepStrictEqual(order, order.toSorted((a, b) => a - b));
  deepStrictEqual(order.length, Math.ceil(TORRENT.data.length / PIECE_LENGTH));
});

Deno.test("get --range asks for the pieces of the range before all others", async () => {
  await using seeder = new ScriptedSeeder(TORRENT);
  await using lab = await Lab.open();
  const start = 200_000, end = 300_000;
  await getTree(lab, seeder, "--range", `sub/deep/d.bin:${start}-${end}`);

  const offset = NAMES.indexOf("sub/deep/d.bin") * FILE_LENGTH;
  const wanted = piecesBetween(offset + start, offset + end);
  const order = firstAskedOrder(seeder.asked);
  deepStrictEqual(order.slice(0, wanted.length).sort((a, b) => a - b), wanted);
  ok(order.length > wanted.length, "and then for the rest");
});

/** Runs `get` with `options` against the seeder alone; it must end well. */
async function getTree(lab: Lab, seeder: ScriptedSeeder, ...options: string[]): Promise<Checkout> {
  const checkout = await Checkout.make(lab);
  await Deno.writeFile(checkout.path("x.torrent"), TORRENT.bytes);
  await getAgain(checkout, seeder, ...options);
  return checkout;
}

/** The same where an earlier run was. */
async function getAgain(
  checkout: Checkout,
  seeder: ScriptedSeeder,
  ...options: string[]
): Promise<void> {
  const source = ["--no-tracker", "--peer", seeder.endpoint, "x.torrent"];
  assertExit(await checkout.run("get", "--json", "-o", "download", ...options, ...source), 0);
}

/** Each piece once, in the order in which its first block was asked for. */
function firstAskedOrder(asked: readonly AskedBlock[]): number[] {
  return [...new Set(asked.map(({ piece }) => piece))];
}

function piecesOf(name: string): number[] {
  const start = NAMES.indexOf(name) * FILE_LENGTH;
  return piecesBetween(start, start + FILE_LENGTH);
}

function piecesBetween(start: number, end: number): number[] {
  const first = Math.floor(start / PIECE_LENGTH), last = Math.floor((end - 1) / PIECE_LENGTH);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
