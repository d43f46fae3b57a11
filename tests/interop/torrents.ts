/** Torrents as several programs make them, and data that is hard to name. */
import bencode from "bencode";
import { basename } from "node:path";
import { SeededRandom } from "../../src/base/ambient.ts";
import * as content from "../loopback/content.ts";
import type { Lab } from "../loopback/lab.ts";
import { PYTHON } from "./installed.ts";

/** A .torrent file and the folder in which its data lies. */
export interface Torrent {
  readonly file: string;
  readonly folder: string;
  /** The file or folder inside `folder` that the torrent names. */
  readonly name: string;
  readonly infoHash: Uint8Array;
}

/** Writes a torrent of `source` to `out`. */
export type MakeTorrent = (
  lab: Lab,
  options: { source: string; out: string; pieceLength: number; tracker: string },
) => Promise<void>;

export const withLibtorrent: MakeTorrent = async (lab, { source, out, pieceLength, tracker }) => {
  const program = new URL("./libtorrent_make.py", import.meta.url).pathname;
  await lab.run(PYTHON, [program, source, out, `${pieceLength}`, tracker]);
};

export const withMktorrent: MakeTorrent = async (lab, { source, out, pieceLength, tracker }) => {
  const exponent = `${Math.log2(pieceLength)}`;
  await lab.run("mktorrent", ["-l", exponent, "-a", tracker, "-o", out, source]);
};

export const withTransmission: MakeTorrent = async (lab, { source, out, pieceLength, tracker }) => {
  const kibibytes = `${pieceLength / 1024}`;
  await lab.run("transmission-create", ["-s", kibibytes, "-t", tracker, "-o", out, source]);
};

/** Our own: of one file, but with pieces of any length, which the others refuse. */
export const withOurs: MakeTorrent = async (_lab, { source, out, pieceLength, tracker }) => {
  const data = await Deno.readFile(source);
  const { bytes } = content.makeTorrent(basename(source), data, { pieceLength, tracker });
  await Deno.writeFile(out, bytes);
};

/** Makes a torrent of what stands at `folder`/`name`. */
export async function makeTorrent(
  lab: Lab,
  make: MakeTorrent,
  options: { folder: string; name: string; pieceLength: number; tracker: string },
): Promise<Torrent> {
  const { folder, name, ...rest } = options;
  const file = lab.path(`${name}.torrent`);
  await make(lab, { source: `${folder}/${name}`, out: file, ...rest });
  const { info } = bencode.decode(await Deno.readFile(file));
  return { file, folder, name, infoHash: content.sha1(bencode.encode(info)) };
}

/** Names of many scripts; without `"`, which transmission looks for on disk as `_`. */
const STEMS = [
  "plain",
  "größe",
  "данные",
  "数据",
  "ملف",
  "emoji 🐦",
  "quote's",
  "per%20cent",
  "a&b",
];
const MAX_SMALL_LENGTH = 60_000;

/** `count` files in some folders, every seventh of them empty. */
export async function writeManyFiles(folder: string, count: number): Promise<void> {
  const random = new SeededRandom(2);
  for (let index = 0; index < count; index++) {
    const parent = `${folder}/part ${index % 5}/${index % 2 === 0 ? "even" : "ungerade ß"}`;
    const length = index % 7 === 0 ? 0 : 1 + random.below(MAX_SMALL_LENGTH);
    const path = `${parent}/${index} ${STEMS[index % STEMS.length]}.bin`;
    await content.writeRandomFile(path, length, index);
  }
}
