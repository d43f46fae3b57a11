import { equal, ok } from "node:assert/strict";
import { MetainfoError } from "../../src/base/errors.ts";
import { metainfoError } from "../../src/metainfo/metainfo_error.ts";

Deno.test("metainfoError() makes one sentence of a problem", () => {
  const error = metainfoError("too-large", "it is larger than 5 bytes");
  ok(error instanceof MetainfoError);
  equal(error.reason, "too-large");
  equal(error.message, "Cannot read the torrent: it is larger than 5 bytes");
});
