import type { Certificate } from './certificate.ts';
import type { NameConstraints } from './extensions.ts';
import type { GeneralNames } from './general-names.ts';

// One row a kind of name: whether a constraint's subtree is well-formed, whether a name lies in it, and whether a name
// touches it, which differs for wildcards alone.
interface Kind<T> {
  pick(names: GeneralNames): readonly T[];
  isSound(subtree: T): boolean;
  isWithin(name: T, subtree: T): boolean;
  touches(name: T, subtree: T): boolean;
}

const label = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;

/** Whether `name` is a host name; a constraint may be empty, which means every host. */
export function isHostName(name: string): boolean {
  return name.length <= 253 && name.split('.').every((part) => label.test(part));
}

const isDomainWithin = (name: string, domain: string): boolean =>
  domain === '' ||
  name.toLowerCase() === domain.toLowerCase() ||
  name.toLowerCase().endsWith(`.${domain.toLowerCase()}`);

const bare = (name: string): string => (name.startsWith('*.') ? name.slice(2) : name);

const dns: Kind<string> = {
  pick: ({ dnsNames }) => dnsNames,
  isSound: (domain) => domain === '' || isHostName(domain),
  isWithin: (name, domain) => isHostName(bare(name)) && isDomainWithin(bare(name), domain),
  touches: (name, domain) =>
    !isHostName(bare(name)) ||
    isDomainWithin(bare(name), domain) ||
    (name !== bare(name) && isDomainWithin(domain, bare(name))),
};

// A host where the constraint is a host, any host below a domain where it begins with a dot.
const isHostWithin = (host: string, constraint: string): boolean =>
  constraint.startsWith('.') ? host.endsWith(constraint.toLowerCase()) : host === constraint.toLowerCase();

const isHostConstraint = (constraint: string): boolean =>
  isHostName(constraint.startsWith('.') ? constraint.slice(1) : constraint);

const isUriWithin = (uri: string, constraint: string): boolean => {
  const host = hostOfUri(uri);
  return host !== undefined && isHostWithin(host, constraint);
};

// Constraints speak about hosts alone: a URI without one, or with an address for one, lies in no subtree and is
// touched by each (RFC 5280, section 4.2.1.10).
const uri: Kind<string> = {
  pick: ({ uris }) => uris,
  isSound: isHostConstraint,
  isWithin: isUriWithin,
  touches: (name, constraint) => hostOfUri(name) === undefined || isUriWithin(name, constraint),
};

const authority = /^[A-Za-z][A-Za-z0-9+.-]{0,31}:\/\/(?:[^/?#@]*@)?([^/?#@:]+)(?::\d{1,5})?(?:[/?#]|$)/;

function hostOfUri(text: string): string | undefined {
  const host = authority.exec(text)?.[1]?.toLowerCase();
  return host !== undefined && isHostName(host) && !/^[\d.]+$/.test(host) ? host : undefined;
}

const email: Kind<string> = {
  pick: ({ emails }) => emails,
  isSound: (constraint) => isHostConstraint(constraint.slice(constraint.indexOf('@') + 1)),
  isWithin: isEmailWithin,
  touches: isEmailWithin,
};

function isEmailWithin(address: string, constraint: string): boolean {
  const at = address.lastIndexOf('@');
  const host = address.slice(at + 1).toLowerCase();
  const limit = constraint.lastIndexOf('@');
  if (limit < 0) return isHostWithin(host, constraint);
  return address.slice(0, at) === constraint.slice(0, limit) && host === constraint.slice(limit + 1).toLowerCase();
}

const address: Kind<Uint8Array> = {
  pick: ({ addresses }) => addresses,
  isSound: (subtree) => isPrefixMask(subtree.subarray(subtree.length / 2)),
  isWithin: isAddressWithin,
  touches: isAddressWithin,
};

function isAddressWithin(name: Uint8Array, subtree: Uint8Array): boolean {
  const size = subtree.length / 2;
  const masked = (byte: number, at: number): number => byte & (subtree[size + at] as number);
  return name.length === size && name.every((byte, at) => masked(byte, at) === masked(subtree[at] as number, at));
}

function isPrefixMask(mask: Uint8Array): boolean {
  return /^1*0*$/.test(Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join(''));
}

// The content of a name is its relative distinguished names one after another, each a whole element: one name lies
// below another exactly when its bytes begin with the other's.
const isNameWithin = (name: Uint8Array, subtree: Uint8Array): boolean =>
  name.length >= subtree.length && subtree.every((byte, at) => name[at] === byte);

const directory: Kind<Uint8Array> = {
  pick: ({ directories }) => directories,
  isSound: () => true,
  isWithin: isNameWithin,
  touches: isNameWithin,
};

/**
 * Whether what `certificate` names is allowed by an authority above it (RFC 5280, sections 4.2.1.10 and 6.1.4). False also
 * for constraints that are not critical, broken, or of a kind that cannot be compared.
 */
export function satisfies(certificate: Certificate, constraints: NameConstraints): boolean {
  const { permitted, excluded, critical } = constraints;
  if (!critical || permitted.others + excluded.others > 0) return false;
  const named = namesOf(certificate);
  return (
    allows(dns, named, constraints) &&
    allows(uri, named, constraints) &&
    allows(email, named, constraints) &&
    allows(address, named, constraints) &&
    allows(directory, named, constraints)
  );
}

function allows<T>(kind: Kind<T>, named: GeneralNames, constraints: NameConstraints): boolean {
  const [permitted, excluded] = [kind.pick(constraints.permitted), kind.pick(constraints.excluded)];
  if (!permitted.every(kind.isSound) || !excluded.every(kind.isSound)) return false;
  return kind.pick(named).every((name) => {
    if (excluded.some((subtree) => kind.touches(name, subtree))) return false;
    return permitted.length === 0 || permitted.some((subtree) => kind.isWithin(name, subtree));
  });
}

// The subject is a directory name like any other, unless it is empty.
function namesOf({ extensions, subject }: Certificate): GeneralNames {
  const alternatives = extensions.subjectAltName?.names;
  const header = subject.length < 0x82 ? 2 : subject[1] === 0x81 ? 3 : 4;
  const content = subject.subarray(header);
  const none = { dnsNames: [], emails: [], uris: [], addresses: [], directories: [], others: 0 };
  const names = alternatives ?? none;
  return content.length === 0 ? names : { ...names, directories: [...names.directories, content] };
}
