import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  addMappingBody,
  deleteMappingBody,
  parseDescription,
  parseFault,
  parseHttpAnswer,
  parseSsdpAnswer,
  ssdpSearches,
} from "../../src/net/upnp.ts";

const GATEWAY = { host: "192.168.1.1", port: 1900 };
const SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1";
const BASE = new URL("http://192.168.1.1:5000/rootDesc.xml");

Deno.test("ssdpSearches() asks for gateways of both versions", () => {
  const texts = ssdpSearches().map((bytes) => new TextDecoder().decode(bytes));
  strictEqual(
    texts[0],
    'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\n' +
      "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n",
  );
  ok(texts[1]!.includes("InternetGatewayDevice:2"));
});

Deno.test("parseSsdpAnswer() takes a description from the device that answers, from no other", () => {
  const table: [location: string, from: string, isTaken: boolean][] = [
    ["http://192.168.1.1:5000/rootDesc.xml", "192.168.1.1", true],
    ["http://192.168.1.1/", "192.168.1.1", true],
    ["http://192.168.1.2:5000/rootDesc.xml", "192.168.1.1", false],
    ["http://203.0.113.1/x", "203.0.113.1", false],
    ["http://localhost/x", "127.0.0.1", false],
    ["https://192.168.1.1/x", "192.168.1.1", false],
    ["http://user:password@192.168.1.1/x", "192.168.1.1", false],
    ["file:///etc/passwd", "192.168.1.1", false],
    ["http://192.168.1.1/" + "x".repeat(600), "192.168.1.1", false],
    ["", "192.168.1.1", false],
  ];
  for (const [location, host, isTaken] of table) {
    const text = `HTTP/1.1 200 OK\r\nST: x\r\nLocation: ${location}\r\n\r\n`;
    const url = parseSsdpAnswer(new TextEncoder().encode(text), { host, port: 1900 });
    strictEqual(url?.href, isTaken ? new URL(location).href : undefined, location);
  }
  for (
    const text of ["", "NOTIFY * HTTP/1.1\r\nLocation: http://192.168.1.1/\r\n", "HTTP/1.1 200"]
  ) {
    strictEqual(parseSsdpAnswer(new TextEncoder().encode(text), GATEWAY), undefined);
  }
});

Deno.test("parseDescription() finds the services that map ports, on the gateway alone", () => {
  const service = (type: string, url: string) =>
    `<service><serviceType>${type}</serviceType><controlURL>${url}</controlURL></service>`;
  const xml = "<root><serviceList>" +
    service("urn:schemas-upnp-org:service:Layer3Forwarding:1", "/l3f") +
    service(SERVICE, "/ctl?a=1&amp;b=2") +
    service("urn:schemas-upnp-org:service:WANPPPConnection:1", "http://192.168.1.1:5000/ppp") +
    service(SERVICE, "http://10.0.0.1/elsewhere") +
    service(SERVICE, "//203.0.113.1/elsewhere") +
    service("urn:schemas-upnp-org:service:WANIPConnection:9", "/nine") +
    "</serviceList></root>";
  deepStrictEqual(
    parseDescription(xml, BASE).map(({ type, controlUrl }) => [type, controlUrl.href]),
    [
      [SERVICE, "http://192.168.1.1:5000/ctl?a=1&b=2"],
      ["urn:schemas-upnp-org:service:WANPPPConnection:1", "http://192.168.1.1:5000/ppp"],
    ],
  );
  deepStrictEqual(parseDescription("", BASE), []);
  ok(parseDescription(service(SERVICE, "/x").repeat(1_000), BASE).length < 64);
});

Deno.test("addMappingBody() and deleteMappingBody() name all that the action needs", () => {
  const mapping = {
    protocol: "tcp",
    port: 6881,
    externalPort: 50_000,
    localHost: "192.168.1.5",
    lifetimeS: 7200,
  } as const;
  const place = "<NewRemoteHost></NewRemoteHost><NewExternalPort>50000</NewExternalPort>" +
    "<NewProtocol>TCP</NewProtocol>";
  const add = addMappingBody(SERVICE, mapping);
  ok(add.includes(
    `<u:AddPortMapping xmlns:u="${SERVICE}">${place}<NewInternalPort>6881</NewInternalPort>` +
      "<NewInternalClient>192.168.1.5</NewInternalClient><NewEnabled>1</NewEnabled>" +
      "<NewPortMappingDescription>starling</NewPortMappingDescription>" +
      "<NewLeaseDuration>7200</NewLeaseDuration></u:AddPortMapping>",
  ));
  ok(
    deleteMappingBody(SERVICE, mapping).includes(
      `<u:DeletePortMapping xmlns:u="${SERVICE}">${place}</u:DeletePortMapping>`,
    ),
  );
});

Deno.test("parseFault() gives the code of a fault", () => {
  strictEqual(parseFault("<UPnPError><errorCode> 725 </errorCode></UPnPError>"), 725);
  strictEqual(parseFault("<errorCode>x</errorCode>"), undefined);
  strictEqual(parseFault(""), undefined);
});

Deno.test("parseHttpAnswer() gives status and text, and knows when that is all", () => {
  const table: [text: string, answer: unknown][] = [
    ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", [200, "ab", true]],
    ["HTTP/1.0 500 No\r\ncontent-length:3\r\nX: y\r\n\r\nab", [500, "ab", false]],
    ["HTTP/1.0 200 OK\r\n\r\nContent-Length: 2\r\n\r\n", [200, "Content-Length: 2\r\n\r\n", false]],
    ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", undefined],
    ["ICY 200 OK\r\n\r\n", undefined],
    ["", undefined],
  ];
  for (const [text, answer] of table) {
    const parsed = parseHttpAnswer(new TextEncoder().encode(text));
    deepStrictEqual(parsed && [parsed.status, parsed.text, parsed.isWhole], answer, text);
  }
});

Deno.test("parseHttpAnswer() calls no answer whole that is cut", () => {
  const bytes = new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
  for (let length = 0; length < bytes.length; length++) {
    strictEqual(parseHttpAnswer(bytes.subarray(0, length))?.isWhole ?? false, false);
  }
});
