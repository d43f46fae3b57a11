/** Holds JSON that was printed to the schemas of this repository. */
import { deepStrictEqual } from "node:assert/strict";
import { readFile } from "node:fs/promises";

/**
 * Runs under Deno, but outside of this project's import map and lock: whoever runs `main.ts`
 * would otherwise resolve its five packages. It is ajv in strict mode, which also refuses
 * schemas that are not what they seem.
 */
const VALIDATOR = `
import Ajv from "npm:ajv@8.20.0/dist/2020.js";
const { schema, instances } = await new Response(Deno.stdin.readable).json();
const ajv = new Ajv.default({ strict: true, allowUnionTypes: true, allErrors: true });
const validate = ajv.compile(schema);
const wrong = instances.flatMap((instance) =>
  validate(instance) ? [] : [{ instance, errors: ajv.errorsText(validate.errors) }]
);
console.log(JSON.stringify(wrong));
`;

export const SCHEMAS = ["events", "info", "create", "verify", "plan"] as const;
export type SchemaName = typeof SCHEMAS[number];

export async function readSchema(name: SchemaName): Promise<Record<string, unknown>> {
  const url = new URL(`../../schema/${name}.schema.json`, import.meta.url);
  return JSON.parse(await readFile(url, "utf8"));
}

/** Throws with what is wrong when one of `instances` is not what the schema says, by itself alone. */
export async function assertValid(name: SchemaName, instances: readonly unknown[]): Promise<void> {
  const schema = await readSchema(name);
  const program = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(program, VALIDATOR);
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-config", "--no-lock", "-A", program],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const input = JSON.stringify({ schema, instances });
    const writer = process.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { code, stdout, stderr } = await process.output();
    const decoder = new TextDecoder();
    deepStrictEqual(code, 0, decoder.decode(stderr));
    deepStrictEqual(JSON.parse(decoder.decode(stdout)), []);
  } finally {
    await Deno.remove(program);
  }
}
