/**
 * Our commands as a parser of the package that explains the command line: help, completions, the
 * manual page, and what is wrong with a line. Pure.
 */
import { group, merge, object, or } from "@optique/core/constructs";
import { type Message, message } from "@optique/core/message";
import { map, multiple, optional } from "@optique/core/modifiers";
import type { NonEmptyString } from "@optique/core/nonempty";
import type { Parser } from "@optique/core/parser";
import * as primitives from "@optique/core/primitives";
import type { ValueParser } from "@optique/core/valueparser";
import { printable } from "../../base/printable.ts";
import { COMMANDS, PERMS } from "./commands.ts";
import {
  type Option,
  type OptionName,
  type OptionTable,
  usageOf,
  type ValueType,
} from "./option.ts";

const MAX_SHOWN_VALUE_LENGTH = 100;

type AnyParser = Parser<"sync", unknown, unknown>;
type Names = readonly [OptionName, ...OptionName[]];

/** All commands with their options; its values are `Command`s. */
export const programParser = or(
  ...Object.entries(COMMANDS).map(([name, { brief, table }]) => command(name, brief, table)),
  primitives.command(
    "perms",
    object({
      command: primitives.constant("perms"),
      words: primitives.passThrough({
        format: "greedy",
        description: text(PERMS.wordsDescription),
      }),
    }),
    { brief: text(PERMS.brief), ...usageLine(PERMS.usage) },
  ),
);

function command(name: string, brief: string, table: OptionTable): AnyParser {
  const named = { command: primitives.constant(name) };
  const bySection = sections(table);
  const all = object({
    ...named,
    ...Object.fromEntries(bySection.values().flatMap((parsers) => parsers)),
  });
  const documented = [...bySection].map(([heading, parsers]) => {
    const section = object(Object.fromEntries(parsers));
    return heading === undefined ? section : group(heading, section);
  });
  const { getDocFragments } = merge(object(named), ...documented as [typeof all]);
  // Sections are for those who read: put together of them, a command would offer paths where one of
  // them waits for a value, since the others do not know of it.
  const parser = { ...all, getDocFragments } as AnyParser;
  return primitives.command(name, parser, { brief: text(brief), ...usageLine(usageOf(table)) });
}

/** By heading, in the order in which the table has them first; those without one are the first. */
function sections(table: OptionTable): Map<string | undefined, [string, AnyParser][]> {
  const sections = new Map<string | undefined, [string, AnyParser][]>([[undefined, []]]);
  for (const [key, option] of Object.entries(table)) {
    const { heading } = option;
    const section = sections.get(heading) ?? [];
    section.push([key, parserOf(option)]);
    sections.set(heading, section);
  }
  return sections;
}

function usageLine(words: string) {
  return { usageLine: [{ type: "literal", value: words } as const] };
}

function parserOf(option: Option<unknown>): AnyParser {
  const { names, type, count, collect, isIgnored: hidden = false } = option;
  const asked = { description: text(option.description), hidden };
  if (type === undefined) return map(multiple(primitives.flag(...names as Names, asked)), collect);
  const value = valueParser(type);
  const missing = `${type.metavar} is missing: ${option.description}`;
  const one = names.length > 0
    ? primitives.option(...names as Names, value, asked)
    : primitives.argument(value, { ...asked, errors: { endOfInput: text(missing) } });
  switch (count) {
    case "one":
      return map(one, (given) => collect([given]));
    case "optional":
      if (names.length > 0) return map(multiple(one), collect);
      return map(optional(one), (given) => collect(given === undefined ? [] : [given]));
    case "any":
      return map(multiple(one), collect);
    case "some": {
      const errors = option.tooFew === undefined ? {} : { tooFew: text(option.tooFew) };
      return map(multiple(one, { min: 1, errors }), collect);
    }
  }
}

function valueParser(type: ValueType<unknown>): ValueParser<"sync", unknown> {
  const { metavar, completion, isSecret, expected } = type;
  return {
    mode: "sync",
    metavar: metavar as NonEmptyString,
    // It stands in for a value while words are completed; nobody sees it.
    placeholder: undefined,
    parse(given) {
      const value = type.parse(given);
      if (value !== undefined) return { success: true, value };
      const shown = given === ""
        ? "an empty value" // Of a variable that was not set, for the most part.
        : isSecret
        ? "the value"
        : printable(given, MAX_SHOWN_VALUE_LENGTH);
      return { success: false, error: message`${shown} is not ${text(expected)}` };
    },
    format: String,
    *suggest(pattern) {
      if (completion?.kind === "paths") {
        const { type, extensions } = completion;
        yield { kind: "file", type, pattern, ...(extensions.length > 0 && { extensions }) };
      } else {
        const words = completion?.words ?? [];
        for (const word of words.filter((word) => word.startsWith(pattern))) {
          yield { kind: "literal", text: word };
        }
      }
    },
  };
}

function text(words: string): Message {
  return [{ type: "text", text: words }];
}
