import { DerReader, malformed, readBoolean, readNamedBits, readOid, readOnly, readSmallInteger } from './der-read.ts';
import { tags } from './der-tags.ts';
import { type GeneralNames, GeneralNamesBuilder } from './general-names.ts';
import { extensionOids } from './oids.ts';

/** Bits of keyUsage, in the order of RFC 5280, section 4.2.1.3. */
export const keyUsages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;

export type KeyUsage = (typeof keyUsages)[number];

/** The extensions of a certificate that this program understands. Missing: the certificate does not have it. */
export interface Extensions {
  readonly basicConstraints?: { readonly critical: boolean; readonly ca: boolean; readonly pathLength?: number };
  readonly keyUsage?: { readonly critical: boolean; readonly usages: ReadonlySet<KeyUsage> };
  /** Key purposes as object identifiers. */
  readonly extendedKeyUsage?: { readonly critical: boolean; readonly purposes: ReadonlySet<string> };
  readonly subjectAltName?: { readonly critical: boolean; readonly names: GeneralNames };
  readonly nameConstraints?: NameConstraints;
  readonly subjectKeyId?: { readonly critical: boolean; readonly id: Uint8Array };
  /** `id` is missing where only issuer and serial number are given. */
  readonly authorityKeyId?: { readonly critical: boolean; readonly id?: Uint8Array };
  /** Critical extensions that this program does not understand, as object identifiers. A path with one is refused. */
  readonly unknownCritical: readonly string[];
}

/** RFC 5280, section 4.2.1.10. */
export interface NameConstraints {
  readonly critical: boolean;
  readonly permitted: GeneralNames;
  readonly excluded: GeneralNames;
}

// One row an extension: where its meaning goes, and how it is read. What is not here is not understood.
const readers: ReadonlyMap<string, (value: Uint8Array, critical: boolean) => Partial<Extensions>> = new Map([
  [extensionOids.basicConstraints, readBasicConstraints],
  [extensionOids.keyUsage, readKeyUsage],
  [extensionOids.extendedKeyUsage, readExtendedKeyUsage],
  [extensionOids.subjectAltName, readSubjectAltName],
  [extensionOids.nameConstraints, readNameConstraints],
  [extensionOids.subjectKeyIdentifier, readSubjectKeyId],
  [extensionOids.authorityKeyIdentifier, readAuthorityKeyId],
]);

/** Reads the SEQUENCE OF Extension. Throws `der.malformed`, also where an extension occurs twice (RFC 5280, section 4.2). */
export function readExtensions(list: DerReader): Extensions {
  const seen = new Set<string>();
  const unknownCritical: string[] = [];
  const known: Partial<Extensions> = {};
  if (list.done) throw malformed('an empty list of extensions');
  while (!list.done) {
    const { oid, critical, value } = readExtension(list.enter(tags.sequence));
    if (seen.has(oid)) throw malformed('an extension occurs twice');
    seen.add(oid);
    const read = readers.get(oid);
    if (read !== undefined) Object.assign(known, read(value, critical));
    else if (critical) unknownCritical.push(oid);
  }
  return { ...known, unknownCritical };
}

function readExtension(reader: DerReader): { oid: string; critical: boolean; value: Uint8Array } {
  const oid = readOid(reader.read(tags.oid));
  const flag = reader.readIf(tags.boolean);
  const critical = flag !== undefined && readBoolean(flag);
  if (flag !== undefined && !critical) throw malformed('a default value is spelled out');
  const value = reader.read(tags.octetString).content;
  reader.end();
  return { oid, critical, value };
}

function readBasicConstraints(value: Uint8Array, critical: boolean): Partial<Extensions> {
  const reader = new DerReader(readOnly(value, tags.sequence).content);
  const flag = reader.readIf(tags.boolean);
  const ca = flag !== undefined && readBoolean(flag);
  if (flag !== undefined && !ca) throw malformed('a default value is spelled out');
  const length = reader.readIf(tags.integer);
  reader.end();
  return { basicConstraints: { critical, ca, ...(length && { pathLength: readSmallInteger(length) }) } };
}

function readKeyUsage(value: Uint8Array, critical: boolean): Partial<Extensions> {
  const bits = readNamedBits(readOnly(value, tags.bitString));
  const usages = new Set(bits.flatMap((bit) => keyUsages[bit] ?? []));
  if (usages.size === 0) throw malformed('a key usage without any use');
  return { keyUsage: { critical, usages } };
}

function readExtendedKeyUsage(value: Uint8Array, critical: boolean): Partial<Extensions> {
  const reader = new DerReader(readOnly(value, tags.sequence).content);
  const purposes = new Set<string>();
  do purposes.add(readOid(reader.read(tags.oid)));
  while (!reader.done);
  return { extendedKeyUsage: { critical, purposes } };
}

function readSubjectAltName(value: Uint8Array, critical: boolean): Partial<Extensions> {
  const reader = new DerReader(readOnly(value, tags.sequence).content);
  const names = new GeneralNamesBuilder();
  do names.read(reader);
  while (!reader.done);
  const built = names.build();
  if (built.addresses.some(({ length }) => length !== 4 && length !== 16)) throw malformed('a broken IP address');
  return { subjectAltName: { critical, names: built } };
}

function readNameConstraints(value: Uint8Array, critical: boolean): Partial<Extensions> {
  const reader = new DerReader(readOnly(value, tags.sequence).content);
  const [permitted, excluded] = [readSubtrees(reader, 0xa0), readSubtrees(reader, 0xa1)];
  reader.end();
  return { nameConstraints: { critical, permitted, excluded } };
}

// `minimum` and `maximum` of a subtree are not used (RFC 5280, section 4.2.1.10), so a subtree is its name alone.
function readSubtrees(reader: DerReader, tag: number): GeneralNames {
  const names = new GeneralNamesBuilder();
  const list = reader.readIf(tag);
  for (const subtrees = new DerReader(list?.content ?? new Uint8Array()); !subtrees.done; ) {
    const subtree = subtrees.enter(tags.sequence);
    names.read(subtree);
    subtree.end();
  }
  const built = names.build();
  if (built.addresses.some(({ length }) => length !== 8 && length !== 32)) throw malformed('a broken IP constraint');
  return built;
}

function readSubjectKeyId(value: Uint8Array, critical: boolean): Partial<Extensions> {
  return { subjectKeyId: { critical, id: readOnly(value, tags.octetString).content } };
}

function readAuthorityKeyId(value: Uint8Array, critical: boolean): Partial<Extensions> {
  const reader = new DerReader(readOnly(value, tags.sequence).content);
  const id = reader.readIf(0x80)?.content;
  while (!reader.done) reader.read();
  return { authorityKeyId: { critical, ...(id && { id }) } };
}
