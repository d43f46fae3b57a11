/**
 * Torrents that we make with a web seed (BEP 19), fetched from nginx: by us, and by others, who must
 * find the files by the same names.
 */
import { deepStrictEqual } from "node:assert/strict";
import { assertExit, Checkout } from "../loopback/checkout.ts";
import { describeTree, writeRandomFile } from "../loopback/content.ts";
import { freePort, Lab } from "../loopback/lab.ts";
import { isMissing, PYTHON } from "./installed.ts";
import { writeManyFiles } from "./torrents.ts";

/** It would pack whatever is not asked for in parts. */
const NGINX = (port: number) => `
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {}
http {
  access_log off;
  client_body_temp_path temp;
  proxy_temp_path temp;
  fastcgi_temp_path temp;
  uwsgi_temp_path temp;
  scgi_temp_path temp;
  gzip on;
  gzip_types *;
  server {
    listen 127.0.0.1:${port};
    root checkout/data;
  }
}
`;

/** Fetches the torrent into the folder, from web seeds alone. */
const LIBTORRENT_GET = `
import libtorrent as lt, sys, time
session = lt.session({"listen_interfaces": "127.0.0.1:0", "ssrf_mitigation": False,
  "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False})
torrent = session.add_torrent({"ti": lt.torrent_info(sys.argv[1]), "save_path": sys.argv[2]})
deadline = time.time() + 300
while not torrent.status().is_seeding:
  assert time.time() < deadline, torrent.status().progress
  time.sleep(0.1)
`;

interface Content {
  readonly description: string;
  readonly name: string;
  write(path: string): Promise<void>;
}

const CONTENTS: readonly Content[] = [
  {
    description: "one file",
    name: "größe 数据.bin",
    write: (path) => writeRandomFile(path, 20_000_003),
  },
  {
    description: "300 files of many scripts, some of them empty",
    name: "Inhalt größer",
    write: (path) => writeManyFiles(path, 300),
  },
];

class Room implements AsyncDisposable {
  readonly lab: Lab;
  readonly checkout: Checkout;
  readonly url: string;

  private constructor(lab: Lab, checkout: Checkout, port: number) {
    this.lab = lab;
    this.checkout = checkout;
    this.url = `http://127.0.0.1:${port}/`;
  }

  /** nginx serves `data` of the checkout. */
  static async open(): Promise<Room> {
    const lab = await Lab.open();
    const port = freePort();
    const room = new Room(lab, await Checkout.make(lab), port);
    await Deno.mkdir(room.checkout.path("data"));
    await Deno.writeTextFile(lab.path("nginx.conf"), NGINX(port));
    lab.start("nginx", ["-p", lab.folder, "-c", "nginx.conf", "-e", "error.log"]);
    await lab.until("nginx", async () => {
      const response = await fetch(room.url).catch(() => undefined);
      await response?.body?.cancel();
      return response !== undefined;
    });
    return room;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }
}

for (const { description, name, write } of CONTENTS) {
  Deno.test({
    name: `get, aria2 and libtorrent complete from nginx, which create named: ${description}`,
    ignore: isMissing("nginx", "aria2c", "python3-libtorrent"),
    async fn(t) {
      await using room = await Room.open();
      const { lab, checkout, url } = room;
      const data = checkout.path("data", name), torrent = checkout.path("x.torrent");
      await write(data);
      assertExit(
        await checkout.run("create", "--web-seed", url, "-o", "x.torrent", `data/${name}`),
        0,
      );
      const expected = await describeTree(data);
      const assertSame = async (folder: string) =>
        deepStrictEqual(await describeTree(checkout.path(folder, name)), expected);

      await t.step("get", async () => {
        const run = await checkout.run("get", "-o", "ours", "--json", "x.torrent");
        assertExit(run, 0);
        deepStrictEqual(run.events("warning"), []);
        await assertSame("ours");
      });
      await t.step("aria2", async () => {
        const options = ["--enable-dht=false", "--seed-time=0", "-q", "-d", checkout.path("aria2")];
        await lab.run("aria2c", [...options, torrent]);
        await assertSame("aria2");
      });
      await t.step("libtorrent", async () => {
        await lab.run(PYTHON, ["-c", LIBTORRENT_GET, torrent, checkout.path("libtorrent")]);
        await assertSame("libtorrent");
      });
    },
  });
}
