/**
 * fast-check, with examples as long as a test says: of itself it makes none longer than ten, even
 * where `maxLength` allows hundreds, so a ring never wrapped and a limit was never reached. All
 * tests get it from here: see the imports of deno.json.
 */
import fc from "fast-check";

fc.configureGlobal({ defaultSizeToMaxWhenMaxSpecified: true });

export default fc;
