/** The folders that a download goes to: made when they are not there, and known for certain. */
import { codeOf, permissionError, storageErrorOf, toStorageError } from "../workers/disk_errors.ts";
import { missingAccess } from "./folder_permissions.ts";

/** What is in the state folder tells what a user downloads. */
const OWNER_ONLY = 0o700;
/** With what separates it from the folder that it is in. */
const LAST_NAME = Deno.build.os === "windows" ? /[\\/]*[^\\/]+[\\/]*$/ : /\/*[^/]+\/*$/;
/** Something that is no folder stands in the path of one that is to be made. */
const IN_THE_WAY = ["EEXIST", "ENOTDIR"];

export interface TargetFolders {
  /** Absolute, without symbolic links, as are all paths made from it. */
  readonly outputDir: string;
  readonly stateDir: string;
}

/**
 * The user may name folders through symbolic links. The state folder may not be one when it lies
 * in the output folder, where anyone may have put it (D8). Throws StorageError; before anything
 * is made when a permission is missing.
 */
export async function prepareFolders(outputDir: string, stateDir: string): Promise<TargetFolders> {
  const missing = missingAccess([outputDir, stateDir]);
  if (missing !== undefined) throw permissionError(missing, "use the folder", outputDir);
  const output = await makeFolder(outputDir, makeFolders);
  const isLink = await isSymlink(stateDir);
  const state = await makeFolder(stateDir, makePrivateFolder);
  if (isLink && isWithin(stateDir, outputDir, output)) {
    throw storageErrorOf("ELOOP", "use", stateDir);
  }
  return { outputDir: output, stateDir: state };
}

/**
 * The same folders when they are there, and nothing is made; undefined where `prepareFolders`
 * would refuse them. Throws StorageError.
 */
export async function findFolders(
  outputDir: string,
  stateDir: string,
): Promise<TargetFolders | undefined> {
  const output = await realFolder(outputDir);
  if (isWithin(stateDir, outputDir, output) && await isSymlink(stateDir)) return undefined;
  return { outputDir: output, stateDir: await realFolder(stateDir) };
}

function isWithin(stateDir: string, outputDir: string, realOutputDir: string): boolean {
  return stateDir.startsWith(`${outputDir}/`) || stateDir.startsWith(`${realOutputDir}/`);
}

/** The absolute path of a folder that we may read, without symbolic links. Throws StorageError. */
export async function realFolder(folder: string): Promise<string> {
  const missing = missingAccess([folder], ["read"]);
  if (missing !== undefined) throw permissionError(missing, "use the folder", folder);
  try {
    return await Deno.realPath(folder);
  } catch (error) {
    throw toStorageError(error, "use the folder", folder);
  }
}

/**
 * Makes the folder where it is missing, and for a moment a file in it: what cannot be written is
 * known at once. Throws StorageError.
 */
export async function openForWriting(folder: string): Promise<void> {
  const missing = missingAccess([folder]);
  if (missing !== undefined) throw permissionError(missing, "write to", folder);
  const dir = await makeFolder(folder, makeFolders);
  try {
    await Deno.remove(await Deno.makeTempFile({ dir, prefix: ".starling-" }));
  } catch (error) {
    throw toStorageError(error, "write to", folder);
  }
}

/**
 * Makes a folder that only we may read. Folders above it that are not there are made as any other;
 * what is there keeps its mode. Throws what Deno throws.
 */
export async function makePrivateFolder(folder: string): Promise<void> {
  try {
    return await Deno.mkdir(folder, { mode: OWNER_ONLY });
  } catch (error) {
    // Without Deno's permission for those above it, they are made with it, as it is.
    if (codeOf(error) === "ENOENT") {
      await makeFolders(folder.replace(LAST_NAME, "")).catch(() => {});
    }
  }
  await Deno.mkdir(folder, { recursive: true, mode: OWNER_ONLY });
}

async function makeFolders(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
}

async function makeFolder(
  folder: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  try {
    await make(folder);
  } catch (error) {
    if (IN_THE_WAY.includes(codeOf(error) ?? "")) {
      const { nearestFolder } = await import("./room.ts");
      await nearestFolder(folder); // Says what it is, as a plan does.
    }
    throw toStorageError(error, "create the folder", folder);
  }
  return await realFolder(folder);
}

async function isSymlink(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw toStorageError(error, "look at", path);
  }
}
