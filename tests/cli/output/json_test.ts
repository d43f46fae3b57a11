import fc from "fast-check";
import { deepStrictEqual, ok } from "node:assert/strict";
import { jsonParts, toJson } from "../../../src/cli/output/json.ts";

Deno.test("S13 toJson() escapes what could steer a terminal", () => {
  deepStrictEqual(
    toJson({ name: "\x1b[2J\x9b2J\u202egnp.exe\u2028\n" }),
    '{"name":"\\u001b[2J\\u009b2J\\u202egnp.exe\\u2028\\n"}',
  );
  deepStrictEqual(toJson("\u{e0001}"), '"\\udb40\\udc01"');
});

Deno.test("toJson() is read back as it was, and prints nothing but printable text", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const text = toJson(value);
    deepStrictEqual(JSON.stringify(JSON.parse(text)), JSON.stringify(value));
    ok(!/[\p{Cc}\p{Cf}]/u.test(text));
  }));
});

Deno.test("jsonParts() are the JSON of a record whose iterators are lists", () => {
  const list = fc.array(fc.jsonValue(), { maxLength: 3 });
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), list, (record, values) => {
    const parts = [...jsonParts({ ...record, values: values.values(), next: 1 })];
    deepStrictEqual(parts.join(""), `${toJson({ ...record, values, next: 1 })}\n`);
  }));
});
