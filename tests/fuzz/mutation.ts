/**
 * The fuzzer that all parsers share: kept inputs, and random changes of them. A failure prints
 * the seed, and FUZZ_SEED repeats it. An input that found a bug is kept in the corpus.
 */
import { type Random, SeededRandom } from "../../src/base/ambient.ts";
import { concatBytes } from "../../src/base/bytes.ts";

const DEFAULT_RUNS = 2_000;
const MAX_MUTATIONS = 4;
const INTERESTING_BYTES = [0, 1, 0x20, 0x30, 0x39, 0x3a, 0x64, 0x65, 0x69, 0x6c, 0x7f, 0x80, 0xff];

export interface FuzzTarget<Checked = void> {
  /** The folder of kept inputs in tests/fuzz/corpus. */
  readonly corpus: string;
  /** Throws when the parser did what it must not. Pieces of input are cut by `random`. */
  readonly check: (input: Uint8Array, random: Random) => Checked;
  readonly runs?: number;
}

/** Checks every kept input as it is, and then mutations of them. */
export function fuzz({ check, ...target }: FuzzTarget): void {
  for (const { input, random, name } of attempts(target)) {
    try {
      check(input, random);
    } catch (error) {
      throw new Error(name(), { cause: error });
    }
  }
}

/** The same for a parser that reads what it parses. */
export async function fuzzReader({ check, ...target }: FuzzTarget<Promise<void>>): Promise<void> {
  for (const { input, random, name } of attempts(target)) {
    await check(input, random).catch((error) => {
      throw new Error(name(), { cause: error });
    });
  }
}

function* attempts({ corpus, runs = DEFAULT_RUNS }: Omit<FuzzTarget, "check">) {
  const inputs = readCorpus(corpus);
  const seed = Number(Deno.env.get("FUZZ_SEED") ?? Math.floor(Math.random() * 2 ** 32));
  const random = new SeededRandom(seed);
  for (let run = -inputs.length; run < runs; run++) {
    const input = run < 0 ? inputs.at(run)! : mutate(inputs, random);
    const name = () => `FUZZ_SEED=${seed}, run ${run}, input ${input.toHex()}`;
    yield { input, random, name };
  }
}

function readCorpus(name: string): Uint8Array[] {
  const folder = new URL(`corpus/${name}/`, import.meta.url);
  const names = [...Deno.readDirSync(folder)].map((entry) => entry.name).toSorted();
  if (names.length === 0) throw new Error(`no inputs in ${folder}`);
  return names.map((name) => Deno.readFileSync(new URL(name, folder)));
}

function mutate(inputs: readonly Uint8Array[], random: Random): Uint8Array {
  let input = pick(inputs, random).slice();
  for (let count = random.below(MAX_MUTATIONS) + 1; count > 0; count--) {
    input = pick(MUTATIONS, random)(input, random, inputs);
  }
  return input;
}

type Mutation = (
  input: Uint8Array<ArrayBuffer>,
  random: Random,
  inputs: readonly Uint8Array[],
) => Uint8Array<ArrayBuffer>;

const MUTATIONS: readonly Mutation[] = [
  function flipBit(input, random) {
    if (input.length > 0) input[random.below(input.length)]! ^= 1 << random.below(8);
    return input;
  },
  function setByte(input, random) {
    if (input.length > 0) input[random.below(input.length)] = pick(INTERESTING_BYTES, random);
    return input;
  },
  function cutEnd(input, random) {
    return input.slice(0, random.below(input.length + 1));
  },
  function removeRange(input, random) {
    const [start, end] = range(input, random);
    return concatBytes(input.subarray(0, start), input.subarray(end));
  },
  function repeatRange(input, random) {
    const [start, end] = range(input, random);
    return concatBytes(input.subarray(0, end), input.subarray(start));
  },
  function insertNoise(input, random) {
    const at = random.below(input.length + 1);
    const noise = random.bytes(random.below(9));
    return concatBytes(input.subarray(0, at), noise, input.subarray(at));
  },
  function splice(input, random, inputs) {
    const other = pick(inputs, random);
    const head = input.subarray(0, random.below(input.length + 1));
    return concatBytes(head, other.subarray(random.below(other.length + 1)));
  },
];

function range(input: Uint8Array, random: Random): [start: number, end: number] {
  const start = random.below(input.length + 1);
  return [start, start + random.below(Math.min(input.length - start, 64) + 1)];
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[random.below(items.length)]!;
}
