/**
 * The npm package `bittorrent-tracker` as a program of its own: HTTP and UDP, IPv4 and IPv6
 * loopback, on one port. Usage: bittorrent_tracker_main.ts PORT
 */
// deno-lint-ignore-file no-console
import Server from "bittorrent-tracker/server";

const port = Number(Deno.args[0]);
const server = new Server({ http: true, udp: true, ws: false, stats: false });
for (const event of ["error", "warning", "start", "complete", "stop"]) {
  server.on(event, (what: unknown) => console.log(event, String(what)));
}
server.listen(port, { http: "::", udp4: "127.0.0.1", udp6: "::1" }, () => console.log("listening"));
