/**
 * What is said to a UPnP gateway: SSDP finds it, its description names a control URL, and SOAP
 * asks there for a port (UPnP Internet Gateway Device 1 and 2). Its XML is only searched for
 * the few texts that matter: it is written by machines, and trusted with nothing.
 */
import { addressBytes, addressScope, type Endpoint } from "../base/endpoint.ts";
import type { MappedProtocol } from "./nat_pmp.ts";

/** Where gateways are asked for. */
export const SSDP_GROUP: Endpoint = { host: "239.255.255.250", port: 1900 };

const GATEWAY_DEVICES = [
  "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
  "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
] as const;
/** Services that map ports, as a regular expression. */
const MAPPING_SERVICE = "urn:schemas-upnp-org:service:WAN(?:IP|PPP)Connection:[12]";
const MAX_URL_LENGTH = 512;
const MAX_SERVICES = 64;

/** A part of a gateway that maps ports. */
export interface MappingService {
  readonly type: string;
  readonly controlUrl: URL;
}

/** Where a mapping begins, which is all that stands for it. */
export interface UpnpEntry {
  readonly protocol: MappedProtocol;
  readonly externalPort: number;
}

export interface UpnpMapping extends UpnpEntry {
  readonly port: number;
  /** Our own address, on the network of the gateway. */
  readonly localHost: string;
  /** 0: until it is deleted. */
  readonly lifetimeS: number;
}

/** What the web server of a gateway says, as far as it has come. */
export interface UpnpAnswer {
  readonly status: number;
  readonly text: string;
  /** As long as its headers say: nothing more will come. */
  readonly isWhole: boolean;
}

/** One question for each kind of gateway. */
export function ssdpSearches(): Uint8Array[] {
  return GATEWAY_DEVICES.map((device) => ssdpSearch(device));
}

/** A question to all devices of a kind, whose answers come within a second. */
export function ssdpSearch(target: string): Uint8Array {
  const lines = [
    "M-SEARCH * HTTP/1.1",
    `HOST: ${SSDP_GROUP.host}:${SSDP_GROUP.port}`,
    'MAN: "ssdp:discover"',
    "MX: 1",
    `ST: ${target}`,
  ];
  return new TextEncoder().encode(lines.map((line) => `${line}\r\n`).join("") + "\r\n");
}

/**
 * Where the device that answered describes itself; undefined when that is anywhere but on the
 * device: nobody sends us to other places.
 */
export function parseSsdpAnswer(datagram: Uint8Array, from: Endpoint): URL | undefined {
  const [status, ...lines] = new TextDecoder().decode(datagram).split(/\r?\n/);
  if (!/^HTTP\/1\.[01] 200\b/.test(status!)) return undefined;
  const location = lines.find((line) => /^location:/i.test(line));
  if (location === undefined) return undefined;
  return urlOn(location.slice("location:".length).trim(), undefined, from.host);
}

/** The services of a description that map ports. */
export function parseDescription(xml: string, base: URL): MappingService[] {
  const found: MappingService[] = [];
  const service = new RegExp(`<serviceType>\\s*(${MAPPING_SERVICE})\\s*</serviceType>`);
  for (const part of xml.split(/<service>/, MAX_SERVICES).slice(1)) {
    const type = service.exec(part)?.[1];
    const path = /<controlURL>([^<]*)<\/controlURL>/.exec(part)?.[1]?.trim();
    const controlUrl = path && urlOn(unescapeXml(path), base, base.hostname);
    if (type !== undefined && controlUrl) found.push({ type, controlUrl });
  }
  return found;
}

/** The SOAP request that opens a port. */
export function addMappingBody(type: string, mapping: UpnpMapping): string {
  const { port, localHost, lifetimeS } = mapping;
  return soapBody(type, "AddPortMapping", [
    ...external(mapping),
    ["NewInternalPort", port],
    ["NewInternalClient", localHost],
    ["NewEnabled", 1],
    ["NewPortMappingDescription", "starling"],
    ["NewLeaseDuration", lifetimeS],
  ]);
}

/** The SOAP request that closes a port. */
export function deleteMappingBody(type: string, entry: UpnpEntry): string {
  return soapBody(type, "DeletePortMapping", external(entry));
}

/** The error code of a SOAP fault (UPnP Device Architecture 3.2.2); undefined without one. */
export function parseFault(xml: string): number | undefined {
  const code = /<errorCode>\s*(\d{1,5})\s*<\/errorCode>/.exec(xml)?.[1];
  return code === undefined ? undefined : Number(code);
}

/**
 * An answer as far as it has come, undefined before its headers have; whole when it is as long
 * as it says. Latin-1 will do for what is looked for in it.
 */
export function parseHttpAnswer(bytes: Uint8Array): UpnpAnswer | undefined {
  const all = new TextDecoder("latin1").decode(bytes);
  const end = all.indexOf("\r\n\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})\b/.exec(all)?.[1];
  if (end < 0 || status === undefined) return undefined;
  const text = all.slice(end + "\r\n\r\n".length);
  const length = /\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r\n/i.exec(all.slice(0, end + 2))?.[1];
  return {
    status: Number(status),
    text,
    isWhole: length !== undefined && text.length >= Number(length),
  };
}

function external({ protocol, externalPort }: UpnpEntry): [string, string | number][] {
  return [
    ["NewRemoteHost", ""],
    ["NewExternalPort", externalPort],
    ["NewProtocol", protocol.toUpperCase()],
  ];
}

/** Nothing in it needs escaping: all values are numbers, addresses, or our own words. */
function soapBody(
  type: string,
  action: string,
  values: readonly (readonly [string, string | number])[],
): string {
  const fields = values.map(([name, value]) => `<${name}>${value}</${name}>`).join("");
  return '<?xml version="1.0"?>\r\n' +
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
    `<u:${action} xmlns:u="${type}">${fields}</u:${action}></s:Body></s:Envelope>\r\n`;
}

/** An http URL on `host`, which is a local IPv4 address; undefined for any other. */
function urlOn(text: string, base: URL | undefined, host: string): URL | undefined {
  if (text.length > MAX_URL_LENGTH || !URL.canParse(text, base)) return undefined;
  const url = new URL(text, base);
  const isLocal = ["private", "link-local", "loopback"].includes(addressScope(host));
  const isThere = url.protocol === "http:" && url.hostname === host && url.username === "" &&
    url.password === "" && addressBytes(host)?.length === 4;
  return isLocal && isThere ? url : undefined;
}

function unescapeXml(text: string): string {
  return text.replaceAll("&amp;", "&");
}
