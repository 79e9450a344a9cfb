import { isIP } from 'node:net';
import { type DerReader, malformed, readOnly } from './der-read.ts';
import { tags } from './der-tags.ts';
import { contextPrimitive } from './der-write.ts';

/** The names of a subjectAltName, or of one side of a name constraint (RFC 5280, section 4.2.1.6). */
export interface GeneralNames {
  readonly dnsNames: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
  /** 4 or 16 bytes; in a constraint 8 or 32: address and mask. */
  readonly addresses: readonly Uint8Array[];
  /** Distinguished names, as the content of their outer SEQUENCE. */
  readonly directories: readonly Uint8Array[];
  /** Names of kinds that this program cannot compare. */
  readonly others: number;
}

// Context tags of GeneralName.
const kinds = { email: 0x81, dns: 0x82, directory: 0xa4, uri: 0x86, address: 0x87 } as const;
const printable = /^[\x21-\x7e]*$/;

/** Collects general names as they are read. */
export class GeneralNamesBuilder {
  readonly #names = { dnsNames: [], emails: [], uris: [], addresses: [], directories: [], others: 0 } as {
    dnsNames: string[];
    emails: string[];
    uris: string[];
    addresses: Uint8Array[];
    directories: Uint8Array[];
    others: number;
  };

  /** Takes the next name of `reader`. Throws `der.malformed` where an IA5String holds blanks, control characters or more than ASCII. */
  read(reader: DerReader): void {
    const { tag, content } = reader.read();
    if ((tag & 0xc0) !== 0x80) throw malformed('a general name carries a context tag');
    if (tag === kinds.dns) this.#names.dnsNames.push(ia5(content));
    else if (tag === kinds.email) this.#names.emails.push(ia5(content));
    else if (tag === kinds.uri) this.#names.uris.push(ia5(content));
    else if (tag === kinds.address) this.#names.addresses.push(content);
    else if (tag === kinds.directory) this.#names.directories.push(readOnly(content, tags.sequence).content);
    else this.#names.others++;
  }

  build(): GeneralNames {
    return this.#names;
  }
}

function ia5(content: Uint8Array): string {
  const text = Buffer.from(content).toString('latin1');
  if (!printable.test(text)) throw malformed('a name holds blanks, control characters or more than ASCII');
  return text;
}

/** What a certificate is to be good for. */
export interface AltNames {
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  /** IP addresses as text. */
  readonly addresses?: readonly string[];
}

/** The GeneralName elements of `names`. Throws `der.malformed` for what no certificate can hold. */
export function encodeAltNames({ uris = [], dnsNames = [], addresses = [] }: AltNames): Buffer[] {
  const text = (kind: number) => (name: string) => contextPrimitive(kind & 0x1f, checkedAscii(name));
  return [
    ...uris.map(text(kinds.uri)),
    ...dnsNames.map(text(kinds.dns)),
    ...addresses.map((address) => contextPrimitive(kinds.address & 0x1f, addressBytes(address))),
  ];
}

function checkedAscii(name: string): Buffer {
  if (name === '' || !printable.test(name)) throw malformed('a name is printable ASCII');
  return Buffer.from(name, 'latin1');
}

/** The 4 or 16 bytes of an IP address. Throws `der.malformed`. */
export function addressBytes(address: string): Buffer {
  const family = isIP(address);
  if (family === 4) return Buffer.from(address.split('.').map(Number));
  if (family !== 6 || address.includes('%')) throw malformed('that is no IP address');
  const [head = '', tail] = hexGroups(address).split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const missing = 8 - groups(head).length - groups(tail ?? '').length;
  const all = [...groups(head), ...(tail === undefined ? [] : Array<string>(missing).fill('0')), ...groups(tail ?? '')];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

// `::ffff:192.0.2.1` with its last four bytes as two groups.
function hexGroups(address: string): string {
  const at = address.lastIndexOf(':') + 1;
  const quad = address.slice(at).split('.').map(Number);
  if (quad.length !== 4) return address;
  const [a = 0, b = 0, c = 0, d = 0] = quad;
  return `${address.slice(0, at)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}
