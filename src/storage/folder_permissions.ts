/**
 * Whether Deno lets us into folders, wherever symbolic links lead them: all that is asked about
 * files later is asked by the real paths. Nothing is made, and no user is asked.
 */
import { missingPaths, type MissingPermission } from "../base/permission.ts";

type Access = "read" | "write";

/**
 * What Deno would refuse of reading and writing (or `accesses` alone) in the folders, named once
 * for all of them; they need not be there yet. Undefined when all is granted.
 */
export function missingAccess(
  folders: readonly string[],
  accesses: readonly Access[] = ["read", "write"],
): MissingPermission | undefined {
  return missingPaths(accesses.map((access) => ({ access, paths: refused(access, folders) })));
}

/** Of each folder the path that is refused: as it is written, or else where it leads. */
function refused(access: Access, folders: readonly string[]): string[] {
  const paths = new Set<string>();
  for (const folder of folders) {
    const path = [folder, placeOf(folder)].find((path) => !isGranted(access, path));
    if (path !== undefined) paths.add(path);
  }
  const isWithinOther = (path: string) =>
    [...paths].some((other) =>
      other !== path && path.startsWith(`${other.replace(/[/\\]+$/, "")}/`)
    );
  return [...paths].filter((path) => !isWithinOther(path));
}

function isGranted(access: Access, path: string): boolean {
  return Deno.permissions.querySync({ name: access, path }).state === "granted";
}

/** Where the folder is, or will be once it is made: links are followed as far as may be seen. */
function placeOf(folder: string): string {
  for (let above = folder, below = "";;) {
    const real = realPath(above);
    if (real !== undefined) return real.replace(/[/\\]$/, "") + below;
    const { parent = "", name } =
      /^(?<parent>.*[/\\])?(?<name>[^/\\]+)[/\\]*$/s.exec(above)?.groups ?? {};
    if (name === undefined || above === ".") return folder;
    above = parent === "" ? "." : parent;
    below = `/${name}${below}`;
  }
}

/** Undefined for what is not there, or may not be seen. */
function realPath(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}
