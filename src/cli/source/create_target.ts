/** Where a new .torrent goes, looked at before its data is hashed for hours. */
import { basename, dirname } from "node:path";
import { realFolder } from "../../storage/target_folders.ts";
import type { Environment } from "../environment/environment.ts";
import { shownPath } from "../files/file_list.ts";
import { CommandError, fileError, permissionError } from "../output/failure.ts";

export interface TorrentTarget {
  /** Absolute, without symbolic links. */
  readonly folder: string;
  readonly name: string;
  /** The path as the user would write it. */
  readonly shown: string;
}

/**
 * `NAME.torrent` here, or in the folder that `output` is, or `output` itself. Throws
 * `CommandError`: exit 6 when it is there already, 4 when it may not be written; `StorageError`
 * when there is no such folder.
 */
export async function findTarget(
  { output, overwrite }: { readonly output?: string | undefined; readonly overwrite: boolean },
  torrentName: string,
  environment: Environment,
): Promise<TorrentTarget> {
  const shown = await targetPath(output, `${torrentName}.torrent`, environment);
  const action = `Cannot write ${shownPath(shown)}`;
  const standing = await inspect(shown, action, environment);
  if (standing !== undefined && (!overwrite || standing !== "file")) {
    throw new CommandError(
      "occupied",
      standing === "file"
        ? `${action}: it exists already; use --overwrite to replace it`
        : `${action}: it is no ordinary file`,
    );
  }
  const missing = environment.missingAccess([dirname(shown)]);
  if (missing !== undefined) throw permissionError(action, missing);
  const folder = await realFolder(dirname(shown));
  return { folder, name: basename(shown), shown };
}

/** `name` here, or in the folder that `output` is, or `output` itself. Throws `CommandError`. */
export async function targetPath(
  output: string | undefined,
  name: string,
  environment: Environment,
): Promise<string> {
  if (output === undefined) return name;
  const standing = await inspect(output, `Cannot write ${shownPath(output)}`, environment);
  return standing === "folder" ? `${output.replace(/\/+$/, "")}/${name}` : output;
}

async function inspect(path: string, action: string, environment: Environment) {
  try {
    return await environment.inspect(path);
  } catch (error) {
    throw fileError(action, error);
  }
}
