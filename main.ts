import { realEnvironment } from "./src/cli/environment/environment.ts";
import { run } from "./src/cli/run.ts";

Deno.exit(await run(realEnvironment()));
