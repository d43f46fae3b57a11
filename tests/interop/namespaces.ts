/** Networks of their own for tests: nothing in one reaches any real network. As root only. */
import type { Lab } from "../loopback/lab.ts";
import { isMissing } from "./installed.ts";

/** What the kernel counted of the packets that left a namespace. */
export interface Counted {
  readonly packets: number;
  /** `address . protocol . port` of each place that they were for. */
  readonly places: readonly string[];
}

/**
 * True when this machine cannot make networks: then the reason is printed, and the test that
 * needs them is ignored; under `INTEROP_REQUIRED` (as .ci/run sets it) it runs, and fails.
 */
export function isWithoutNamespaces(): boolean {
  if (isMissing("ip", "nft")) return true;
  const name = uniqueName();
  const made = Deno.uid() === 0 && ip("netns", "add", name);
  if (made) return !ip("netns", "del", name);
  const reason = "INTEROP: cannot test in networks of their own: only root can make them\n";
  Deno.stderr.writeSync(new TextEncoder().encode(reason));
  return Deno.env.get("INTEROP_REQUIRED") === undefined;
}

function ip(...args: string[]): boolean {
  return new Deno.Command("ip", { args, stdout: "null", stderr: "null" }).outputSync().success;
}

/** Test files that run at the same time are threads of one process: its id is all of theirs. */
function uniqueName(): string {
  return `starling_${crypto.randomUUID()}`;
}

/** A network namespace with nothing but its loopback. */
export class Namespace implements AsyncDisposable {
  readonly name: string;
  readonly #lab: Lab;

  private constructor(lab: Lab, name: string) {
    this.#lab = lab;
    this.name = name;
  }

  /** `hosts`: names that programs in it know, and their addresses. */
  static async make(lab: Lab, hosts: Readonly<Record<string, string>> = {}): Promise<Namespace> {
    const name = uniqueName();
    const namespace = new Namespace(lab, name);
    await lab.run("ip", ["netns", "add", name]);
    await namespace.ip("link", "set", "lo", "up");
    // `ip netns exec` lays these files over those of /etc.
    await Deno.mkdir(`/etc/netns/${name}`, { recursive: true });
    const lines = ["127.0.0.1 localhost"];
    for (const [host, address] of Object.entries(hosts)) lines.push(`${address} ${host}`);
    await Deno.writeTextFile(`/etc/netns/${name}/hosts`, lines.join("\n") + "\n");
    return namespace;
  }

  /** Runs `ip` inside. */
  async ip(...args: string[]): Promise<void> {
    await this.#lab.run("ip", ["-n", this.name, ...args]);
  }

  /** What runs a program inside: the program to start, and its arguments. */
  command(program: string, ...args: string[]): [string, string[]] {
    return ["ip", ["netns", "exec", this.name, program, ...args]];
  }

  /** A cable from here to `other`; each end has its name. */
  async connect(other: Namespace, cable = "cable"): Promise<void> {
    const ends = ["netns", this.name, "type", "veth", "peer", "name", cable, "netns", other.name];
    await this.#lab.run("ip", ["link", "add", cable, ...ends]);
    for (const end of [this, other]) await end.ip("link", "set", cable, "up");
  }

  /**
   * From now on only TCP to `address`:`port` leaves a program here. All else is counted and
   * dropped, on the loopback too, but for what the kernel itself says to find its neighbours.
   */
  async allowOnly(address: string, port: number): Promise<void> {
    const rules = `
      table inet only {
        set tried4 { type ipv4_addr . inet_proto . inet_service; flags dynamic; size 1000; }
        set tried6 { type ipv6_addr . inet_proto . inet_service; flags dynamic; size 1000; }
        counter allowed {}
        counter dropped {}
        chain leaving {
          type filter hook output priority 0; policy accept;
          ip daddr ${address} tcp dport ${port} counter name allowed accept
          meta l4proto icmpv6 accept
          meta l4proto { tcp, udp } add @tried4 { ip daddr . meta l4proto . th dport }
          meta l4proto { tcp, udp } add @tried6 { ip6 daddr . meta l4proto . th dport }
          counter name dropped drop
        }
      }`;
    const file = this.#lab.path(`${this.name}.nft`);
    await Deno.writeTextFile(file, rules);
    await this.#lab.run(...this.command("nft", "flush", "ruleset"));
    await this.#lab.run(...this.command("nft", "-f", file));
  }

  /** Packets since `allowOnly` that were let through, and those that were not. */
  async counted(): Promise<Readonly<Record<"allowed" | "dropped", Counted>>> {
    const listed = await this.#lab.run(...this.command("nft", "-j", "list", "ruleset"));
    const { nftables } = JSON.parse(listed) as { nftables: Record<string, unknown>[] };
    const packets: Record<string, number> = {};
    const places: string[] = [];
    for (const { counter, set } of nftables as { counter?: CounterEntry; set?: SetEntry }[]) {
      if (counter !== undefined) packets[counter.name] = counter.packets;
      for (const { concat } of set?.elem ?? []) places.push(concat.join(" . "));
    }
    return {
      allowed: { packets: packets["allowed"]!, places: [] },
      dropped: { packets: packets["dropped"]!, places },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab.run("ip", ["netns", "del", this.name]);
    await Deno.remove(`/etc/netns/${this.name}`, { recursive: true });
  }
}

interface CounterEntry {
  readonly name: string;
  readonly packets: number;
}

interface SetEntry {
  readonly elem?: readonly { readonly concat: readonly (string | number)[] }[];
}
