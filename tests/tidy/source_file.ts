/**
 * One TypeScript file as the tidy test sees it: its text, the same text without comments and
 * strings, what it imports and what it exports. Textual on purpose: no parser to depend on, and
 * a hundred files take milliseconds.
 */

/** One `import … from`, `export … from`, dynamic import or worker address. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Imported names, before any `as`; "*" when all of the module is taken. */
  readonly names: readonly string[];
  readonly isReExport: boolean;
  readonly hasDefault: boolean;
  /** Code that is loaded with the file: not in a function, and not types alone. */
  readonly isAtOnce: boolean;
}

export interface Export {
  readonly name: string;
  readonly isType: boolean;
  /** A function or a class that does something: not a type, a constant or a bare error. */
  readonly runs: boolean;
}

export class SourceFile {
  /** Relative to the repository, `/`-separated. */
  readonly path: string;
  readonly text: string;
  /** `text` with comments and the insides of strings blanked; same length, same lines. */
  readonly code: string;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    const withStrings = blank(text, { keepStrings: true });
    this.code = blank(text, { keepStrings: false });
    this.imports = [...importsOf(withStrings, this.code)];
    this.exports = [...exportsOf(this.code)];
  }

  get lineCount(): number {
    return this.text.split("\n").length - 1;
  }

  get hasDefaultExport(): boolean {
    return /^export\s+default\b|\bas\s+default\b/m.test(this.code);
  }

  /** How often `name` stands in the code as a whole word. */
  mentions(name: string): number {
    return this.code.match(new RegExp(`(?<![\\w$])${name}(?![\\w$])`, "g"))?.length ?? 0;
  }
}

const STATEMENT = /^(import|export)\b((?:(?!^(?:import|export)\b)[^;])*?)\bfrom\s*"([^"\n]+)"/gm;
const BARE_IMPORT = /^import\s*"([^"\n]+)"/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*"([^"\n]+)"/g;
const MODULE_ADDRESS = /\bnew URL\(\s*"(\.[^"\n]+\.ts)",\s*import\.meta\.url/g;

function* importsOf(text: string, code: string): Iterable<Import> {
  for (const match of text.matchAll(STATEMENT)) {
    const [, keyword, clause, specifier] = match;
    // `export const a = …` up to some later `from "…"` inside another statement is no import.
    if (keyword === "export" && !/^\s*(type\s*)?[{*]/.test(clause!)) continue;
    if (!code.startsWith(keyword!, match.index)) continue;
    const names = /\{([^}]*)\}/.exec(clause!)?.[1] ?? "";
    const isOfTypes = /^\s*type\b/.test(clause!) ||
      (/^\s*\{/.test(clause!) && names.split(",").every((name) => /^\s*(type\s|$)/.test(name)));
    yield {
      specifier: specifier!,
      names: clause!.includes("*") ? ["*"] : namesIn(names),
      isReExport: keyword === "export",
      hasDefault: keyword === "import" && /^\s*(type\s+)?[\w$]+\s*(,|$)/.test(clause!.trim() + " "),
      isAtOnce: !isOfTypes,
    };
  }
  for (const pattern of [BARE_IMPORT, DYNAMIC_IMPORT, MODULE_ADDRESS]) {
    for (const match of text.matchAll(pattern)) {
      yield {
        specifier: match[1]!,
        names: ["*"],
        isReExport: false,
        hasDefault: false,
        isAtOnce: pattern === BARE_IMPORT ||
          (pattern === DYNAMIC_IMPORT && runsAtOnce(code, match.index)),
      };
    }
  }
}

/** Does this dynamic import run with the file? In a function it runs later, and in a type never. */
function runsAtOnce(code: string, index: number): boolean {
  const lines = code.slice(0, index + "import".length).split("\n");
  // All code is formatted: what stands at the left margin begins a statement of the file.
  const first = lines.findLastIndex((line) => /^[^\s)}\]]/.test(line));
  return !/\b(function|class)\b|=>|\btypeof import$/.test(lines.slice(first).join("\n"));
}

function namesIn(list: string): string[] {
  return list.split(",").map((item) => item.trim().replace(/^type\s+/, "").split(/\s+as\s+/)[0]!)
    .filter((name) => name !== "");
}

const DECLARATION =
  /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(function\*?|class|enum|const|let|interface|type)\s+([\w$]+)(\s+extends Error\b)?/gm;
const EXPORT_LIST = /^export\s*(type\s*)?\{([^}]*)\}(?!\s*from)/gm;

function* exportsOf(code: string): Iterable<Export> {
  for (const [, keyword, name, isError] of code.matchAll(DECLARATION)) {
    yield {
      name: name!,
      isType: keyword === "interface" || keyword === "type",
      runs: /^(function|class)/.test(keyword!) && isError === undefined,
    };
  }
  for (const [, type, list] of code.matchAll(EXPORT_LIST)) {
    for (const name of namesIn(list!)) {
      yield { name, isType: type !== undefined, runs: type === undefined };
    }
  }
}

/** After one of these a slash starts a regular expression; after anything else it divides. */
const BEFORE_EXPRESSION =
  /(^|[=(,:[!&|?{};+\-*%<>~^]|=>|\b(return|typeof|case|in|of|await|yield))\s*$/;

/** Blanks comments, regular expressions' insides and, unless kept, strings; newlines stay. */
function blank(text: string, { keepStrings }: { keepStrings: boolean }): string {
  let output = "";
  let position = 0;
  /** For each open `${`, how many braces are open inside it. */
  const templates: number[] = [];

  const hide = (end: number, keep: boolean) => {
    const part = text.slice(position, end);
    output += keep ? part : part.replace(/[^\n]/g, " ");
    position = end;
  };
  /** From inside a template up to and including its "`" or the next `${`. */
  const template = () => {
    const match = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y;
    match.lastIndex = position;
    match.exec(text);
    hide(match.lastIndex, keepStrings);
    const opens = text.startsWith("${", position);
    if (opens) templates.push(0);
    hide(Math.min(text.length, position + (opens ? 2 : 1)), true);
  };

  while (position < text.length) {
    const rest = text.slice(position, position + 2);
    const character = rest[0]!;
    if (rest === "//") hide(endOf(text, /$/gm, position), false);
    else if (rest === "/*") hide(endOf(text, /\*\//g, position), false);
    else if (character === '"' || character === "'") {
      hide(position + 1, true);
      hide(
        endOf(text, new RegExp(`(?:[^${character}\\\\\\n]|\\\\[\\s\\S])*`, "y"), position),
        keepStrings,
      );
      hide(Math.min(text.length, position + 1), true);
    } else if (character === "`") {
      hide(position + 1, true);
      template();
    } else if (character === "/" && BEFORE_EXPRESSION.test(output.slice(-40).trimEnd() + " ")) {
      const end = endOf(text, /\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y, position);
      hide(end, false);
    } else if (character === "}" && templates.at(-1) === 0) {
      templates.pop();
      hide(position + 1, true);
      template();
    } else {
      if (templates.length > 0 && character === "{") templates[templates.length - 1]!++;
      if (templates.length > 0 && character === "}") templates[templates.length - 1]!--;
      hide(position + 1, true);
    }
  }
  return output;
}

function endOf(text: string, pattern: RegExp, from: number): number {
  pattern.lastIndex = from;
  const match = pattern.exec(text);
  return match === null ? text.length : Math.max(from, match.index + match[0].length);
}
