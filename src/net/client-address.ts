import type { CidrSet } from './cidr.ts';
import { Headers } from './headers.ts';
import { isAddress, plainAddress } from './ip-address.ts';

/** Who is at the far end, as far as the proxies that we trust vouch for it. */
export interface ClientAddress {
  readonly address: string;
  /** Trusted proxies between the client and us, nearest to the client first, our peer last. Empty where the client is our peer. */
  readonly via: readonly string[];
  /** Scheme that the client used toward the first trusted proxy. */
  readonly scheme: 'http' | 'https';
  /** Host that the client asked for: what a trusted proxy says, else the request's own. */
  readonly host: string;
}

/** The facts of a connection that an address is derived from. */
export interface PeerFacts {
  readonly remoteAddress: string;
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly headers: Headers;
}

/**
 * The client of a request. `X-Forwarded-*` is believed only where the peer is `trusted`, and then only as far
 * back as the chain of trusted proxies reaches: the first address from the right that is not trusted is the client, whatever
 * stands to its left was written by it. An entry that is no address ends the chain. `Forwarded` is not
 * read: of two fields that say the same thing, a proxy that maintains one lets the client write the other.
 */
export function resolveClient(peer: PeerFacts, trusted: CidrSet | undefined): ClientAddress {
  const { remoteAddress, scheme, host, headers } = peer;
  if (trusted === undefined || !trusted.has(remoteAddress)) return { address: remoteAddress, via: [], scheme, host };
  const chain = listOf(headers, 'x-forwarded-for');
  const via: string[] = [];
  let address = remoteAddress;
  for (let at = chain.length - 1; at >= 0 && trusted.has(address); at--) {
    const next = plainAddress(chain[at] as string);
    if (!isAddress(next)) break;
    via.unshift(address);
    address = next;
  }
  const proto = listOf(headers, 'x-forwarded-proto').at(-1)?.toLowerCase();
  return {
    address,
    via,
    scheme: proto === 'https' || proto === 'http' ? proto : scheme,
    host: listOf(headers, 'x-forwarded-host').at(-1)?.toLowerCase() ?? host,
  };
}

function listOf(headers: Headers, name: string): string[] {
  return headers
    .getAll(name)
    .join(',')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** Fields that say who the client is. Whoever sends them to us, they go no further: `setForwarded` writes our own. */
export const forwardedFields: readonly string[] = [
  'forwarded',
  'forwarded-for',
  'x-forwarded',
  'x-forwarded-by',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-protocol',
  'x-forwarded-scheme',
  'x-forwarded-ssl',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-path',
  'x-forwarded-server',
  'x-original-forwarded-for',
  'x-original-host',
  'x-host',
  'x-scheme',
  'x-url-scheme',
  'front-end-https',
  'client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-originating-ip',
  'x-real-ip',
  'x-remote-ip',
  'x-remote-addr',
  'true-client-ip',
  'proxy-client-ip',
  'wl-proxy-client-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'fastly-client-ip',
  'fly-client-ip',
  'x-appengine-user-ip',
  'x-azure-clientip',
  'x-azure-socketip',
  'x-envoy-external-address',
];

const forwardedNames = new Set(forwardedFields);

/**
 * Whether a field (name in lower case) says who the client is. An underscore counts as a dash: CGI and its heirs (RFC 3875,
 * section 4.1.18) cannot tell them apart.
 */
export function isForwardedField(name: string): boolean {
  return forwardedNames.has(name.includes('_') ? name.replaceAll('_', '-') : name);
}

/** Replaces whatever `headers` say of the client by what is known of the `client`: `X-Forwarded-*`, and `Forwarded` (RFC 7239). */
export function setForwarded(headers: Headers, client: ClientAddress): void {
  headers.prune(isForwardedField);
  addForwarded(headers, client);
}

/** As `setForwarded`, where `headers` hold no such field any more. */
export function addForwarded(headers: Headers, client: ClientAddress): void {
  let fields = writtenFields.get(client);
  if (fields === undefined) writtenFields.set(client, (fields = fieldsOf(client)));
  headers.addAll(fields);
}

// A connection gives its requests the same client, and so the same fields.
const writtenFields = new WeakMap<ClientAddress, readonly string[]>();

/** Checked, as all that `Headers.append` takes. */
function fieldsOf({ address, via, scheme, host }: ClientAddress): readonly string[] {
  const fields = new Headers();
  const hops = via.length === 0 ? address : `${address}, ${via.join(', ')}`;
  if (hops !== '') fields.append('x-forwarded-for', hops);
  fields.append('x-forwarded-proto', scheme);
  if (host !== '') fields.append('x-forwarded-host', host);
  fields.append('forwarded', formatForwarded([address, ...via], scheme, host));
  return fields.pairs;
}

function formatForwarded(hops: readonly string[], scheme: string, host: string): string {
  const nodes = hops.map((hop) => `for=${hop === '' ? 'unknown' : hop.includes(':') ? `"[${hop}]"` : hop}`);
  const facts = `;proto=${scheme}${host === '' ? '' : `;host="${host.replaceAll('"', '')}"`}`;
  return nodes.map((node, at) => (at === 0 ? node + facts : node)).join(', ');
}
