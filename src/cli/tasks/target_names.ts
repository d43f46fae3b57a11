/**
 * The names in the output folder that sources of one command are at. The lock of a target keeps
 * out other runs; that what holds it is this run, it cannot tell, and to wait would be in vain.
 */
import { shownPath } from "../files/file_list.ts";
import { CommandError, type Failure } from "../output/failure.ts";

export class TargetNames {
  readonly #taken = new Set<string>();

  /** Until the result is disposed of. Throws `CommandError`, exit 6, when another source has it. */
  take(name: string): Disposable {
    if (this.#taken.has(name)) {
      throw new CommandError(
        "occupied",
        `Cannot use ${shownPath(name)}: another source of this run is called so, too; ` +
          "download it in another run, to another --output",
        { name },
      );
    }
    this.#taken.add(name);
    return { [Symbol.dispose]: () => void this.#taken.delete(name) };
  }
}

/** Is it what `TargetNames` throws, and not that the folder holds something else? */
export function isNameTaken({ verdict, evidence }: Failure): boolean {
  return verdict === "occupied" && "name" in evidence;
}
