/** Which file standard output is: what is written to it must not go into what is read. */
import { fstatSync, type Stats } from "node:fs";
import { missingAccess } from "../../storage/folder_permissions.ts";

const STDOUT_DESCRIPTOR = 1;

/**
 * That of the paths below a folder which is the file behind the descriptor, by whatever name;
 * undefined when none is, and when Deno does not let us look. Never rejects. Node's way, since
 * Deno's own streams do not say what they are.
 */
export function standardOutputAmong(
  folder: string,
  paths: Iterable<string>,
  descriptor = STDOUT_DESCRIPTOR,
): string | undefined {
  const file = regularFileAt(descriptor);
  if (file === undefined || missingAccess([folder], ["read"]) !== undefined) return undefined;
  return Iterator.from(paths).find((path) => isFile(`${folder}/${path}`, file));
}

/** Undefined for what is no plain file, closed, or has no number, as a file of Windows may. */
function regularFileAt(descriptor: number): Stats | undefined {
  try {
    const stats = fstatSync(descriptor);
    return stats.isFile() && stats.ino ? stats : undefined;
  } catch {
    return undefined;
  }
}

function isFile(path: string, { dev, ino }: Stats): boolean {
  try {
    const found = Deno.statSync(path);
    return found.dev === dev && found.ino === ino;
  } catch {
    return false; // It is not there, or will be refused when it is to be used.
  }
}
