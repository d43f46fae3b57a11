/** How many files more the process could open: Deno tells no limit of the system. */
import { socketErrorCode } from "./socket_errors.ts";

/** What the system says when this process, or all of them, have as many open as they may. */
const LIMIT_CODES: readonly (string | undefined)[] = ["EMFILE", "ENFILE"];
const NOTHING = "/dev/null";

/**
 * At most `most`; that many where nothing can be opened for another reason than a limit, as without
 * permission, and on Windows, which has no such limit. Opens and closes as many: others must not
 * need one at the same time.
 */
export function countFreeFiles(most: number): number {
  if (Deno.build.os === "windows") return most;
  const files: Deno.FsFile[] = [];
  try {
    const path = fileToOpen();
    while (files.length < most) files.push(Deno.openSync(path));
    return most;
  } catch (error) {
    return LIMIT_CODES.includes(socketErrorCode(error)) ? files.length : most;
  } finally {
    for (const file of files) file.close();
  }
}

/** Our own source may be read, or no disk worker could start; an executable has none on the disk. */
function fileToOpen(): URL | string {
  const isOnDisk = import.meta.url.startsWith("file:") && !Deno.build.standalone;
  return isOnDisk ? new URL(import.meta.url) : NOTHING;
}
