import { ok, strictEqual } from "node:assert/strict";
import { connectErrorFrom, socketErrorCode } from "../../src/net/socket_errors.ts";

/** An error as Deno throws it: some have a class of their own, all the others just a code. */
function coded(code: string): Error {
  return Object.assign(new Error("(os error 1)"), { code });
}

Deno.test("connectErrorFrom() knows the system's codes", () => {
  const cases = [
    ["ECONNREFUSED", "refused"],
    ["ECONNRESET", "refused"],
    ["ETIMEDOUT", "timeout"],
    ["ENETUNREACH", "unreachable"],
    ["EHOSTUNREACH", "unreachable"],
    ["EAFNOSUPPORT", "unreachable"],
    ["EACCES", "unreachable"],
    ["EADDRINUSE", "limit"],
    ["EMFILE", "exhausted"],
    ["ENFILE", "exhausted"],
    ["ESOMETHING", "unreachable"],
  ] as const;
  for (const [code, failure] of cases) {
    const error = connectErrorFrom(coded(code), "Cannot connect to a:1", "a");
    strictEqual(error.failure, failure, code);
    ok(
      error.message.startsWith("Cannot connect to a:1: the ") || failure === "limit" ||
        failure === "exhausted" ||
        error.message.startsWith("Cannot connect to a:1: there "),
      error.message,
    );
  }
});

Deno.test("connectErrorFrom() takes errors without a code for an unreachable host", () => {
  for (const error of [new Error("dns"), new TypeError("x"), "text", undefined]) {
    strictEqual(connectErrorFrom(error, "Cannot connect", "a").failure, "unreachable");
  }
});

Deno.test("S4 connectErrorFrom() names the flag that Deno wants", () => {
  const error = new Deno.errors.NotCapable("Requires net access");
  const { failure, message } = connectErrorFrom(error, "Cannot connect to a:1", "a");
  strictEqual(failure, "unreachable");
  ok(message.includes("to a is missing; run again with --allow-net"), message);
});

Deno.test("socketErrorCode() gives only textual codes", () => {
  strictEqual(socketErrorCode(coded("EMFILE")), "EMFILE");
  strictEqual(socketErrorCode(new DOMException("x", "AbortError")), undefined);
  strictEqual(socketErrorCode(null), undefined);
});
