/** `starling seed`: shares data that is here already, and never writes to it. */
import type { CommandContext } from "./environment/environment.ts";
import type { SeedOptions } from "./options/seed_options.ts";
import { combinedExitCode, usageError } from "./output/failure.ts";
import { PROGRAM, subjectsOf } from "./output/notice.ts";
import { splitWords } from "./source/data_place.ts";
import { shownSource, STANDARD_INPUT } from "./source/source.ts";
import { Audiences, gatherAudiences } from "./tasks/audiences.ts";
import { Share } from "./tasks/share.ts";
import { claimOnce } from "./tasks/source_life.ts";
import { runTasks } from "./tasks/task.ts";

/** Torrents of one command; each has its own peers and trackers. */
const MAX_TORRENTS = 1000;

/**
 * Shares all torrents at the same time, until each has reached its goal. Exits 0 then; as a signal
 * says when it was stopped. Throws usage errors.
 */
export async function seed(options: SeedOptions, context: CommandContext): Promise<number> {
  const { environment } = context;
  const { torrents, path } = splitWords(options.words);
  if (torrents.length > MAX_TORRENTS) throw usageError(`more than ${MAX_TORRENTS} torrents`);
  if (torrents.filter((torrent) => torrent === STANDARD_INPUT).length > 1) {
    throw usageError("standard input can be only one of the torrents");
  }
  const audience = new Audiences(await gatherAudiences(options, environment));
  const { stateDir } = options;
  const engine = await environment.openEngine({
    ...options,
    // Beside data that is only to be shared nothing is written unasked.
    ...(stateDir === undefined ? {} : { folders: { outputDir: path, stateDir } }),
    onLog: (message) => audience.hear(PROGRAM, { kind: "debug", message }),
  });
  try {
    const claim = claimOnce();
    const subjects = subjectsOf(torrents.map(shownSource));
    const shares = torrents.map((torrent, at) =>
      new Share(torrent, subjects[at]!, {
        ...context,
        options,
        path,
        engine,
        claim,
        tell: (subject, notice) => audience.hear(subject, notice),
      })
    );
    return combinedExitCode(await runTasks(shares, audience, environment));
  } finally {
    await engine.close();
    await audience.close();
  }
}
