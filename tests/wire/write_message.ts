import type { MessageWriter } from "../../src/wire/encoder.ts";
import type { Message } from "../../src/wire/message.ts";

/** Writes any message that we know. */
export function writeMessage(writer: MessageWriter, message: Message): void {
  switch (message.kind) {
    case "keep-alive":
      return writer.keepAlive();
    case "choke":
      return writer.choke();
    case "unchoke":
      return writer.unchoke();
    case "interested":
      return writer.interested();
    case "not-interested":
      return writer.notInterested();
    case "have-all":
      return writer.haveAll();
    case "have-none":
      return writer.haveNone();
    case "have":
      return writer.have(message.index);
    case "suggest":
      return writer.suggest(message.index);
    case "allowed-fast":
      return writer.allowedFast(message.index);
    case "request":
      return writer.request(message.index, message.begin, message.length);
    case "cancel":
      return writer.cancel(message.index, message.begin, message.length);
    case "reject":
      return writer.reject(message.index, message.begin, message.length);
    case "piece":
      return writer.piece(message.index, message.begin, message.block);
    case "bitfield":
      return writer.bitfield(message.bytes);
    case "port":
      return writer.port(message.port);
    case "extended":
      return writer.extended(message.id, message.payload);
    case "hash-request":
      return writer.hashRequest(message.root, message.range);
    case "hash-reject":
      return writer.hashReject(message.root, message.range);
    case "hashes":
      return writer.hashes(message.root, message.range, message.hashes);
    case "unknown":
      throw new Error(`no message of ours has the type ${message.id}`);
  }
}
