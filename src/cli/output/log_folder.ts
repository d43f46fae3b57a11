/** The folder of `--log-dir` on the disk. */
import type { Bytes } from "../../base/bytes.ts";
import { makePrivateFolder } from "../../storage/target_folders.ts";

/** A log that is being written: nobody else removes it. */
export interface LogFile {
  /** Writes some of the bytes, and says how many. Rejects as the system does. */
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** Where logs are kept, those of other runs too. */
export interface LogFolder {
  /** A new file that only we may read. Throws what Deno throws. */
  create(name: string): Promise<LogFile>;
  /** The names of all that is there, in no order. Throws what Deno throws. */
  names(): Promise<string[]>;
  /** Removes a log, unless somebody is writing it. Throws what Deno throws. */
  remove(name: string): Promise<void>;
}

/** Makes the folder where it is missing. Throws what Deno throws. */
export async function openLogFolder(folder: string): Promise<LogFolder> {
  await makePrivateFolder(folder);
  return {
    create: (name) => createLog(`${folder}/${name}`),
    names: async () => (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name),
    remove: (name) => removeLog(`${folder}/${name}`),
  };
}

async function createLog(path: string): Promise<LogFile> {
  const file = await Deno.open(path, { createNew: true, write: true, mode: 0o600 });
  try {
    // The system lets go of it however we end.
    await file.tryLock(true);
  } catch {
    // Some network file systems have no locks: others may remove it once it is among the oldest.
  }
  return { write: (bytes) => file.write(bytes as Bytes), close: () => file.close() };
}

async function removeLog(path: string): Promise<void> {
  const file = await Deno.open(path, { write: true });
  try {
    if (!await file.tryLock(true)) return;
    await Deno.remove(path);
  } finally {
    file.close();
  }
}
