/** What the operating system and Deno say about sockets, in our own terms. */
import { describeMissing } from "../base/permission.ts";
import { ConnectError, type ConnectFailure } from "./transport.ts";

/** Codes of the operating system; Deno has a class of its own for few of them. */
const FAILURES: Readonly<Record<string, readonly [ConnectFailure, string]>> = {
  ECONNREFUSED: ["refused", "the connection is refused"],
  ECONNRESET: ["refused", "the connection is reset"],
  ECONNABORTED: ["refused", "the connection is reset"],
  ETIMEDOUT: ["timeout", "there is no answer"],
  ENETUNREACH: ["unreachable", "the network is unreachable"],
  EHOSTUNREACH: ["unreachable", "the host is unreachable"],
  EADDRNOTAVAIL: ["unreachable", "the address is not available here"],
  EAFNOSUPPORT: ["unreachable", "the address family is not supported here"],
  EACCES: ["unreachable", "the operating system forbids it"],
  EPERM: ["unreachable", "the operating system forbids it"],
  EADDRINUSE: ["limit", "the port is in use"],
  EMFILE: ["exhausted", "too many files are open"],
  ENFILE: ["exhausted", "too many files are open on this machine"],
  ENOBUFS: ["exhausted", "the operating system is out of buffers"],
};

/** The ConnectError for what a socket call threw; `attempt` is like "Cannot connect to …". */
export function connectErrorFrom(error: unknown, attempt: string, host: string): ConnectError {
  if (error instanceof Deno.errors.NotCapable) {
    const missing = { access: "net", target: host, flag: "--allow-net" };
    return new ConnectError("unreachable", `${attempt}: ${describeMissing(missing)}`);
  }
  const [failure, reason] = FAILURES[socketErrorCode(error) ?? ""] ??
    ["unreachable", "the network fails"];
  return new ConnectError(failure, `${attempt}: ${reason}`);
}

/** The operating system's code, like "ECONNREFUSED"; undefined when the error has none. */
export function socketErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
