import { deepStrictEqual, equal, notEqual, ok } from "node:assert/strict";
import { posix, win32 } from "node:path";
import fc from "fast-check";
import {
  canBeName,
  foldName,
  type NameChange,
  numberedName,
  type Platform,
  safeName,
} from "../../src/metainfo/path_element.ts";

const platforms: readonly Platform[] = ["linux", "darwin", "windows"];
const utf8 = new TextEncoder();

function safe(raw: string, platform: Platform = "linux"): [string, ...NameChange[]] {
  const changes = new Set<NameChange>();
  return [safeName(raw, platform, changes), ...changes];
}

Deno.test("safeName() leaves ordinary names alone on every platform", () => {
  const names = [
    "a",
    "file.txt",
    ".hidden",
    "..a",
    "a..",
    "…",
    "日本語.mkv",
    "-rf",
    "~",
    "a b",
    "é",
  ];
  names.push("con1", "console.txt", "company", "lpt", "com10", "x".repeat(240));
  for (const name of names) {
    for (const platform of platforms) {
      if (platform === "windows" && name.endsWith(".")) continue;
      deepStrictEqual(safe(name, platform), [name]);
    }
  }
});

Deno.test("M15 safeName() strips separators and refuses names that mean a directory", () => {
  deepStrictEqual(safe("/etc/passwd"), ["etcpasswd", "separator"]);
  deepStrictEqual(safe("a/../b"), ["a..b", "separator"]);
  deepStrictEqual(safe("..\\..\\x"), ["....x", "separator"]);
  deepStrictEqual(safe("\\\\srv\\share"), ["srvshare", "separator"]);
  deepStrictEqual(safe("C:\\x"), ["C:x", "separator"]);
  deepStrictEqual(safe("C:\\x", "windows"), ["C_x", "separator", "reserved"]);
  deepStrictEqual(safe(".."), ["", "dots"]);
  deepStrictEqual(safe("."), ["", "dots"]);
  deepStrictEqual(safe(""), ["", "empty"]);
  deepStrictEqual(safe("/"), ["", "separator", "empty"]);
  deepStrictEqual(safe("./."), ["", "separator", "dots"]);
  deepStrictEqual(safe(".\u200b."), ["", "invisible", "dots"]);
});

Deno.test("M16 safeName() replaces controls and drops what is invisible", () => {
  deepStrictEqual(safe("a\0b\nc\x1b[31m\x7f"), ["a_b_c_[31m_", "control"]);
  deepStrictEqual(safe("a\x80\x9fb"), ["a__b", "control"]);
  const invisible = [0x61c, 0x200b, 0x200f, 0x202a, 0x202e, 0x2060, 0x2064, 0x2066, 0x2069, 0xfeff];
  for (const code of invisible) {
    deepStrictEqual(safe(`a${String.fromCodePoint(code)}b`), ["ab", "invisible"]);
  }
  deepStrictEqual(safe("photo\u202egpj.exe"), ["photogpj.exe", "invisible"]);
});

Deno.test("M17 safeName() puts a mark for each sequence that is not UTF-8, and lone surrogates", () => {
  deepStrictEqual(safe("a\ufffd\ufffdb"), ["a__b", "invalid-text"]);
  deepStrictEqual(safe("a\ud800b\udc00"), ["a_b_", "invalid-text"]);
  deepStrictEqual(safe("🎬"), ["🎬"]);
});

Deno.test("M18 safeName() cuts at 240 bytes, at a character, and keeps a short extension", () => {
  deepStrictEqual(safe("x".repeat(241)), ["x".repeat(240), "too-long"]);
  deepStrictEqual(safe("x".repeat(300) + ".torrent"), ["x".repeat(232) + ".torrent", "too-long"]);
  deepStrictEqual(safe("é".repeat(200)), ["é".repeat(120), "too-long"]);
  deepStrictEqual(safe("€".repeat(81)), ["€".repeat(80), "too-long"]);
  deepStrictEqual(safe("🎬".repeat(60)), ["🎬".repeat(60)]);
  deepStrictEqual(safe("x" + "🎬".repeat(60)), ["x" + "🎬".repeat(59), "too-long"]);
  deepStrictEqual(safe("x".repeat(300) + ".notextension"), ["x".repeat(240), "too-long"]);
  deepStrictEqual(safe("." + "x".repeat(300)), ["." + "x".repeat(239), "too-long"]);
});

Deno.test("M19 safeName() follows the rules of Windows, there only", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["CON", "_CON"],
    ["con", "_con"],
    ["NUL.txt", "_NUL.txt"],
    ["Com1.tar.gz", "_Com1.tar.gz"],
    ["LPT9", "_LPT9"],
    ["COM²", "_COM²"],
    ["aux .x", "_aux .x"],
    ["CLOCK$", "_CLOCK$"],
    ["CONIN$", "_CONIN$"],
    ["PRN:", "PRN_"],
    ['a<b>c:d"e|f?g*h', "a_b_c_d_e_f_g_h"],
    ["file:stream", "file_stream"],
    ["name.", "name_"],
    ["name. .", "name___"],
    ["name ", "name_"],
    ["...", "___"],
    ["x".repeat(239) + " y", "x".repeat(239) + "_"],
  ];
  for (const [raw, expected] of cases) {
    equal(safe(raw, "windows")[0], expected, raw);
    ok(safe(raw, "windows").includes("reserved"));
    if (raw.length < 200) deepStrictEqual(safe(raw, "linux"), [raw]);
  }
});

Deno.test("safeName() of any text is a name within bounds, and safe itself", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.string({ unit: fc.constantFrom(..."./\\ :con1\0\u202eé\ufffdA", "\ud800"), maxLength: 12 }),
    fc.string({ unit: "binary", minLength: 200, maxLength: 300 }),
  );
  fc.assert(fc.property(text, fc.constantFrom(...platforms), (raw, platform) => {
    const changes = new Set<NameChange>();
    const name = safeName(raw, platform, changes);
    equal(changes.size > 0, name === "" || name !== raw);
    if (name === "") return;
    ok(utf8.encode(name).length <= 240);
    ok(!/[/\\\p{Cc}\p{Cs}]/u.test(name) && name !== "." && name !== "..", name);
    if (platform === "windows") ok(!/[<>:"|?*]|[. ]$/.test(name), name);
    deepStrictEqual(safe(name, platform), [name]);
  }));
});

Deno.test("M15 M16 M18 canBeName() takes what deceives at most, and refuses what leads elsewhere", () => {
  const anywhere = [
    "a",
    "...",
    ".hidden",
    "می\u200cخواهم",
    "a\u202eb",
    "\ufeffx",
    "\ufffd",
    "é".repeat(127),
  ];
  const elsewhere = [
    "a\\b",
    "..\\x",
    "tab\t",
    "\x1b[2J",
    "C:x",
    "con.txt",
    "x.",
    "x ",
    "y".repeat(254) + ".",
  ];
  const nowhere = [
    "",
    ".",
    "..",
    "/",
    "a/b",
    "../x",
    "a\0b",
    "\ud800",
    "x".repeat(256),
    "é".repeat(128),
  ];
  const accepted = (platform: Platform) =>
    [...anywhere, ...elsewhere, ...nowhere].filter((name) => canBeName(name, platform));
  deepStrictEqual(accepted("linux"), [...anywhere, ...elsewhere]);
  deepStrictEqual(accepted("darwin"), [...anywhere, ...elsewhere]);
  deepStrictEqual(accepted("windows"), anywhere.filter((name) => name !== "..."));
});

Deno.test("canBeName() takes every safe name, and of any text what stays in its folder", () => {
  const nasty = fc.string({
    unit: fc.constantFrom(..."./\\ :con1\0\t\u202eé\ufffdA", "\ud800"),
    maxLength: 12,
  });
  const text = fc.oneof(nasty, fc.string({ unit: "binary", maxLength: 300 }));
  fc.assert(fc.property(text, fc.constantFrom(...platforms), (raw, platform) => {
    const [name] = safe(raw, platform);
    ok(name === "" || canBeName(name, platform), name);
    if (!canBeName(raw, platform)) return;
    const rules = platform === "windows" ? win32 : posix;
    const folder = platform === "windows" ? "C:\\out" : "/out";
    equal(rules.resolve(folder, raw), folder + rules.sep + raw);
    ok(utf8.encode(raw).length <= 255 && !raw.includes("\0"), raw);
    equal(new TextDecoder().decode(utf8.encode(`x${raw}`)), `x${raw}`);
  }));
});

Deno.test("numberedName() puts the number before the extension and stays within bounds", () => {
  equal(numberedName("a.txt", 1), "a.1.txt");
  equal(numberedName("a", 12), "a.12");
  equal(numberedName(".bashrc", 1), ".bashrc.1");
  equal(numberedName("a.tar.gz", 2), "a.tar.2.gz");
  equal(numberedName("x".repeat(240), 7), "x".repeat(238) + ".7");
  equal(numberedName("x".repeat(236) + ".mkv", 500), "x".repeat(232) + ".500.mkv");
});

Deno.test("M20 foldName() unites names that some file system cannot tell apart", () => {
  const same = [["readme", "README"], ["Straße", "STRASSE"], ["\u00e9", "e\u0301"], [
    "\u212a",
    "k",
  ]];
  same.push(["ΑΣ", "ας"], ["İ", "i\u0307"], ["\u01c5", "\u01c6"]);
  for (const [a, b] of same) equal(foldName(a!), foldName(b!), `${a} ${b}`);
  notEqual(foldName("a"), foldName("b"));
  notEqual(foldName("e"), foldName("é"));
});

Deno.test("M20 foldName() is at least as coarse as lower case and NFC, and stable", () => {
  const text = fc.string({ unit: "binary", maxLength: 8 });
  fc.assert(
    fc.property(text, (name) => {
      const fold = foldName(name);
      for (const same of [name.normalize("NFC"), name.normalize("NFD"), name.toLowerCase(), fold]) {
        equal(foldName(same), fold);
      }
    }),
    { numRuns: 2_000 },
  );
});
