/** The version of this program, as deno.json has it. */
export const VERSION = "0.1.0";

/** What `--version` prints. */
export const VERSION_LINE = `starling ${VERSION}`;
