/** How many disk workers there are, and whether Deno lets them start. */
import { permissionError } from "../output/failure.ts";
import type { Environment } from "./environment.ts";

/** One hashes while the other flushes, or waits for the disk. */
const MIN_WORKERS = 2;
/** More workers than this wait for memory, not for cores. */
const MAX_WORKERS = 16;

/** The most disk workers on this machine; one does for what is short. */
export function workerCount({ processorCount }: Pick<Environment, "processorCount">): number {
  return Math.min(Math.max(processorCount, MIN_WORKERS), MAX_WORKERS);
}

/**
 * Throws `CommandError`, exit 4, when Deno may not read the source of the disk workers: it would
 * say so itself, but across the screen and with a stack.
 */
export function checkWorkerPermission(environment: Environment): void {
  const source = new URL("../../../src", import.meta.url); // A worker imports from all over src.
  const missing = environment.missingPermission("read", source);
  if (missing !== undefined) throw permissionError("Cannot start a disk worker", missing);
}
