/** `starling cat`: writes the data of a torrent to standard output while it downloads it. */
import { Turns } from "../storage/turns.ts";
import { StandardOutlet } from "./cat/standard_outlet.ts";
import type { CommandContext } from "./environment/environment.ts";
import { MIN_MEMORY_BYTES, withEngine } from "./get.ts";
import { type CatOptions, downloadedAs } from "./options/cat_options.ts";
import { combinedExitCode } from "./output/failure.ts";
import { subjectNamed } from "./output/notice.ts";
import { refuseStandardOutput } from "./output/standard_data.ts";
import { shownSource } from "./source/source.ts";
import { Audiences, gatherBesideData } from "./tasks/audiences.ts";
import { Download } from "./tasks/download.ts";
import { claimOnce } from "./tasks/source_life.ts";
import { TargetNames } from "./tasks/target_names.ts";
import { runTasks } from "./tasks/task.ts";

/**
 * Downloads the source as `get` does, in order, and writes what is verified to standard output;
 * nothing else goes there. Exits 0 when all of it was written and has its final names, 141 when
 * whoever read it has left, else as `get`. Throws usage errors.
 */
export async function cat(options: CatOptions, context: CommandContext): Promise<number> {
  const { environment } = context;
  refuseStandardOutput(options);
  const outlet = new StandardOutlet(environment, options);
  const audience = new Audiences(await gatherBesideData(options, environment));
  const forSource = downloadedAs(options);
  return await withEngine(forSource, { ...context, audience }, async (room) => {
    const download = new Download(options.source, subjectNamed(shownSource(options.source)), {
      ...room,
      options: forSource,
      outlet,
      memoryBudgetBytes: Math.max(MIN_MEMORY_BYTES, options.memoryBytes),
      readSums: () => Promise.reject(new Error("cat has no --sums")),
      hooks: new Turns(),
      names: new TargetNames(),
      claim: claimOnce(),
      tell: (subject, notice) => audience.hear(subject, notice),
    });
    return combinedExitCode(await runTasks([download], audience, environment));
  });
}
