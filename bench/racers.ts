/**
 * The clients that race.ts knows, and how each of them is told to download, and to exit when it is
 * done. Transmission dials no address of loopback, and rtorrent never exits: they are not here.
 */

export interface Race {
  readonly torrent: string;
  /** Where the data goes. */
  readonly folder: string;
  readonly port: number;
}

export interface Racer {
  readonly program: string;
  readonly args: (race: Race) => string[];
}

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const PYTHON = "/usr/bin/python3";
const ALONE = ["--no-dht", "--no-lsd", "--no-port-map"];

/** Downloads with libtorrent, set up for speed as well as we know how, and exits. */
const LIBTORRENT_GET = `
import libtorrent as lt, sys, time
torrent, folder, port = sys.argv[1:4]
session = lt.session({
    'listen_interfaces': '127.0.0.1:' + port, 'alert_mask': 0, 'enable_dht': False,
    'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False,
    'enable_outgoing_utp': False, 'enable_incoming_utp': False, 'out_enc_policy': 2,
    'allow_multiple_connections_per_ip': True, 'connections_limit': 500,
    'mixed_mode_algorithm': 0, 'aio_threads': 2, 'hashing_threads': 1, 'request_queue_time': 5,
})
params = lt.add_torrent_params()
params.ti, params.save_path = lt.torrent_info(torrent), folder
params.flags &= ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
handle = session.add_torrent(params)
while not handle.status().is_seeding:
    time.sleep(0.02)
`;

export const RACERS: Readonly<Record<string, Racer>> = {
  starling: {
    program: Deno.execPath(),
    args: ({ torrent, folder, port }) => [
      ...["run", "--no-prompt", "-A", MAIN, "get", "-q", ...ALONE],
      ...["-o", folder, "-p", `${port}`, torrent],
    ],
  },
  libtorrent: {
    program: PYTHON,
    args: ({ torrent, folder, port }) => [
      ...["-c", LIBTORRENT_GET, torrent, folder, `${port}`],
    ],
  },
  aria2: {
    program: "aria2c",
    args: ({ torrent, folder, port }) => [
      ...["--no-conf", "--quiet", `--dir=${folder}`, `--listen-port=${port}`],
      ...["--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false"],
      ...["--enable-peer-exchange=false", "--bt-max-peers=0", "--file-allocation=none"],
      ...["--disk-cache=64M", "--seed-time=0", torrent],
    ],
  },
};

/** The names of those that are installed here. */
export async function installed(names: readonly string[]): Promise<string[]> {
  const there = await Promise.all(names.map(async (name) => await isInstalled(RACERS[name])));
  return names.filter((_, index) => there[index]);
}

async function isInstalled(racer: Racer | undefined): Promise<boolean> {
  if (racer === undefined) return false;
  const test = racer.program === PYTHON
    ? `${PYTHON} -c "import libtorrent"`
    : `command -v ${racer.program}`;
  const { success } = await new Deno.Command("sh", {
    args: ["-c", test],
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}
