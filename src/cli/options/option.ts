/**
 * What a command may be given, as data: `plain_arguments.ts` reads most lines by it, and
 * `program_parser.ts` makes of it what reads all others, and explains them to people. Pure.
 */

/** How a value is written. */
export interface ValueType<Value> {
  /** What stands for it in the help: `SIZE`. */
  readonly metavar: string;
  /** Undefined when the text is no such value. */
  readonly parse: (text: string) => Value | undefined;
  /** What a text is not that cannot be parsed: "a size such as 64M". */
  readonly expected: string;
  /** It may hold a password: it is never quoted back. */
  readonly isSecret: boolean;
  /** What shells offer for it. */
  readonly completion: Completion | undefined;
}

export type Completion =
  | { readonly kind: "words"; readonly words: readonly string[] }
  | {
    readonly kind: "paths";
    readonly type: "file" | "directory" | "any";
    readonly extensions: readonly string[];
  };

export type OptionName = `-${string}`;

/**
 * How often it counts: at most once, once, any number of times, once or more often. Of an option
 * that counts once the last one does, so that a line can say otherwise than an alias.
 */
export type Count = "optional" | "one" | "any" | "some";

/** An option, or words without a name; the command sees `Value`. */
export interface Option<Value> {
  /** None for words that stand by themselves: what is worked on. */
  readonly names: readonly OptionName[];
  /** Undefined for a flag, which is given or not. */
  readonly type: ValueType<unknown> | undefined;
  readonly count: Count;
  readonly description: string;
  /** The heading that the help has it under; without one it stands before all that have. */
  readonly heading?: string;
  /** Accepted, and of no effect: no help tells of it. */
  readonly isIgnored?: boolean;
  /** What to say when there is not even one. */
  readonly tooFew: string | undefined;
  /** What the command sees when these values were given, in this order. */
  readonly collect: (values: readonly unknown[]) => Value;
}

/** By the name that the command has for it, in the order of the help. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** What a command sees of its table. */
export type Values<Table extends OptionTable> = {
  readonly [Key in keyof Table]: Table[Key] extends Option<infer Value> ? Value : never;
};

/** A command's name, and what it was given. */
export type Given<Name extends string, Table extends OptionTable> =
  & { readonly command: Name }
  & Values<Table>;

/** Given or not. */
export function flag(names: string, description: string): Option<boolean> {
  const collect = (values: readonly unknown[]) => values.length > 0;
  return { ...named(names, description), type: undefined, count: "optional", collect };
}

/** With one value, or undefined. */
export function option<Value>(
  names: string,
  type: ValueType<Value>,
  description: string,
): Option<Value | undefined> {
  return { ...named(names, description), type, count: "optional", collect: last<Value> };
}

/** With one value, or `fallback`. */
export function optionOr<Value>(
  fallback: NoInfer<Value>,
  names: string,
  type: ValueType<Value>,
  description: string,
): Option<Value> {
  const collect = (values: readonly unknown[]) => last<Value>(values) ?? fallback;
  return { ...named(names, description), type, count: "optional", collect };
}

/** As often as anybody likes; `whenNone` are the values when it is not given. */
export function options<Value>(
  names: string,
  type: ValueType<Value>,
  description: string,
  whenNone: readonly Value[] = [],
): Option<readonly Value[]> {
  const collect = (values: readonly unknown[]) =>
    values.length > 0 ? values as readonly Value[] : whenNone;
  return { ...named(names, description), type, count: "any", collect };
}

/** One word. */
export function word<Value>(type: ValueType<Value>, description: string): Option<Value> {
  const collect = (values: readonly unknown[]) => last<Value>(values)!;
  return { ...named("", description), type, count: "one", collect };
}

/** A word, or undefined. */
export function optionalWord<Value>(
  type: ValueType<Value>,
  description: string,
): Option<Value | undefined> {
  return option("", type, description);
}

/** One word or more; `tooFew` is said when there is none. */
export function words<Value>(
  type: ValueType<Value>,
  description: string,
  tooFew: string,
): Option<readonly Value[]> {
  return { ...options("", type, description), count: "some", tooFew };
}

/** The options of another command, so that its lines can be read here too. */
export function ignored<Table extends OptionTable>(table: Table): Table {
  return withAll(table, { isIgnored: true });
}

/** These options, under a heading of the help. */
export function under<Table extends OptionTable>(heading: string, table: Table): Table {
  return withAll(table, { heading });
}

function withAll<Table extends OptionTable>(
  table: Table,
  part: Pick<Option<unknown>, "isIgnored" | "heading">,
): Table {
  const options = Object.entries(table).map(([key, one]) => [key, { ...one, ...part }]);
  return Object.fromEntries(options) as Table;
}

/** What may follow the name of a command: `[OPTIONS] TORRENT [PATH]`. */
export function usageOf(table: OptionTable): string {
  const all = Object.values(table);
  const hasOptions = all.some(({ names }) => names.length > 0);
  const words = all.flatMap(({ names, type, count }) => {
    if (names.length > 0 || type === undefined) return [];
    if (count === "optional") return [`[${type.metavar}]`];
    return [
      count === "some" && !type.metavar.includes("...") ? `${type.metavar}...` : type.metavar,
    ];
  });
  return [...(hasOptions ? ["[OPTIONS]"] : []), ...words].join(" ");
}

/** What a command sees of a table when nothing was given, though something may have to be. */
export function valuesOfNone<Table extends OptionTable>(table: Table): Values<Table> {
  const values = Object.entries(table).map(([key, { collect }]) => [key, collect([])]);
  return Object.fromEntries(values) as Values<Table>;
}

function last<Value>(values: readonly unknown[]): Value | undefined {
  return values.at(-1) as Value | undefined;
}

/** `-o, --output` */
function named(names: string, description: string) {
  const list = names === "" ? [] : names.split(", ") as OptionName[];
  return { names: list, description, tooFew: undefined };
}
