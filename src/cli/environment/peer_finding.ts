/** What all torrents of a command share to find peers without a tracker, and to be found. */
import type { Bytes } from "../../base/bytes.ts";
import { assert } from "../../base/assert.ts";
import { isLoopback } from "../../base/endpoint.ts";
import { StorageError } from "../../base/errors.ts";
import type { DhtService } from "../../dht/service.ts";
import type { LocalDiscovery } from "../../lsd/service.ts";
import type { MappedProtocol } from "../../net/nat_pmp.ts";
import type { PortMapping } from "../../net/port_mapping.ts";
import type { SharedPort } from "../../net/shared_port.ts";
import type { Network } from "../../net/transport.ts";
import { readStateFile } from "../../storage/state_file.ts";
import type { GetOptions } from "../options/get_options.ts";
import type { Environment, StateFolders } from "./environment.ts";

/** The DHT's table between two runs, in the state folder. */
const TABLE_NAME = "dht";
/** A download that is over so soon needs nobody who finds it: the gateway is left alone. */
const PORT_MAPPING_DELAY_MS = 2_000;
/** A run that is killed loses no more of what it learnt about the DHT. */
const SAVE_INTERVAL_MS = 10 * 60_000;

export interface PeerFindingOptions extends Pick<GetOptions, "bindAddress" | "dhtBootstrap"> {
  readonly environment: Pick<Environment, "clock" | "random" | "keepState">;
  readonly network: Network;
  /** Where the DHT's datagrams go. */
  readonly sharedPort: SharedPort;
  /** Where the DHT's table is kept; undefined: nowhere. */
  readonly folders?: StateFolders;
  /** The table is only read. */
  readonly keepsNothing?: boolean;
  /** Takes a line for people who look closely. */
  readonly onLog?: (message: string) => void;
}

export class PeerFinding {
  readonly #options: PeerFindingOptions;
  readonly #closing = new AbortController();
  #dhtCode: typeof import("../../dht/service.ts") | undefined;
  #lsdCode: typeof import("../../lsd/service.ts") | undefined;
  #saved: Bytes | undefined;
  #dht: DhtService | undefined;
  #mapping: PortMapping | undefined;

  constructor(options: PeerFindingOptions) {
    this.#options = options;
  }

  /**
   * Loads the code of what is going to be opened, and the DHT's table: whoever asks trackers alone
   * waits for neither.
   */
  async load({ dht, lsd }: { readonly dht: boolean; readonly lsd: boolean }): Promise<void> {
    if (dht) {
      this.#dhtCode = await import("../../dht/service.ts");
      await this.#readTable();
    }
    if (lsd) this.#lsdCode = await import("../../lsd/service.ts");
  }

  /** What an earlier run knew of the DHT; what is not there, or damaged, is none. */
  async #readTable(): Promise<void> {
    const { folders, onLog } = this.#options;
    if (folders === undefined) return;
    const { MAX_SAVED_TABLE_LENGTH } = await import("../../dht/saved_table.ts");
    const path = `${folders.stateDir}/${TABLE_NAME}`;
    try {
      this.#saved = await readStateFile(path, MAX_SAVED_TABLE_LENGTH);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      onLog?.(`the DHT begins anew: ${error.message}`);
    }
  }

  /**
   * Starts the DHT, which was loaded, with the port where we listen for peers; once more when it
   * was closed and is needed again.
   */
  openDht(port: number): DhtService {
    const { environment: { clock, random }, network, sharedPort, dhtBootstrap } = this.#options;
    const earlier = this.#dht;
    assert(this.#dhtCode !== undefined, "`load` comes before `openDht`");
    this.#dht = new this.#dhtCode.DhtService({
      network,
      sockets: sharedPort.open("dht", port),
      clock,
      random,
      bootstrap: dhtBootstrap,
      saved: earlier?.save() ?? this.#saved,
      isReachable: () => this.externalPort("udp") !== undefined,
    });
    if (earlier === undefined) void this.#saveRegularly();
    return this.#dht;
  }

  /** Only this machine can reach us: its neighbours and its gateway are not told of us. */
  get isOnlyHere(): boolean {
    const { bindAddress } = this.#options;
    return bindAddress !== undefined && isLoopback(bindAddress);
  }

  /** Starts the search on the local network, which was loaded; not when `isOnlyHere`. */
  openLsd(): LocalDiscovery {
    const { environment: { clock, random }, network, onLog } = this.#options;
    assert(this.#lsdCode !== undefined, "`load` comes before `openLsd`");
    return new this.#lsdCode.LocalDiscovery({ network, clock, random, ...(onLog && { onLog }) });
  }

  /** Asks the gateway, if there is one, to let peers through to this port; not at once. */
  async mapPort(port: number): Promise<void> {
    const { environment: { clock, random }, network, onLog = () => {} } = this.#options;
    if (this.isOnlyHere) return;
    await clock.sleep(PORT_MAPPING_DELAY_MS, this.#closing.signal);
    if (this.#closing.signal.aborted) return;
    const { PortMapping } = await import("../../net/port_mapping.ts");
    this.#mapping = new PortMapping({ network, clock, random, onLog });
    this.#mapping.start(port);
    if (this.#closing.signal.aborted) await this.#mapping.close();
  }

  /** Where the gateway lets peers through to our port; undefined while it does not. */
  externalPort(protocol: MappedProtocol): number | undefined {
    const status = this.#mapping?.status();
    if (status?.kind !== "mapped") return undefined;
    return protocol === "tcp" ? status.externalPort : status.externalUdpPort;
  }

  /** Keeps what was learnt, and gives the port back; before the DHT is closed or after. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#save(), this.#mapping?.close()]);
  }

  async #saveRegularly(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#options.environment.clock.sleep(SAVE_INTERVAL_MS, signal);
      if (!signal.aborted) await this.#save();
    }
  }

  async #save(): Promise<void> {
    const { environment, folders, keepsNothing, onLog } = this.#options;
    if (this.#dht === undefined || folders === undefined || keepsNothing) return;
    try {
      await environment.keepState(folders, TABLE_NAME, this.#dht.save());
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      onLog?.(`the DHT's table is not kept: ${error.message}`);
    }
  }
}
