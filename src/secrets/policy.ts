// Policies by path, after Vault's: deny by default, and of all rules that match a path the most specific one counts.

/** What may be done with a path. `deny` overrides every other. */
export const capabilities = ['create', 'read', 'update', 'patch', 'delete', 'list', 'sudo', 'deny'] as const;
export type Capability = (typeof capabilities)[number];

/** A rule: `+` stands for one segment, a `*` at the very end for anything. */
export interface PathRule {
  readonly path: string;
  readonly capabilities: readonly Capability[];
}

/** Rules under a name. */
export interface Policy {
  readonly name: string;
  readonly rules: readonly PathRule[];
}

/** The rules of all policies of one token. */
export interface Acl {
  allows(path: string, capability: Capability): boolean;
  /** What the rule that counts for `path` grants; empty: nothing. */
  capabilitiesOf(path: string): readonly Capability[];
}

/** May do everything. */
export const rootPolicy: Policy = {
  name: 'root',
  rules: [{ path: '*', capabilities: capabilities.filter((name) => name !== 'deny') }],
};

/** What every token may do with itself. */
export const defaultPolicy: Policy = {
  name: 'default',
  rules: [
    { path: 'auth/token/lookup-self', capabilities: ['read', 'update'] },
    { path: 'auth/token/renew-self', capabilities: ['update'] },
    { path: 'auth/token/revoke-self', capabilities: ['update'] },
    { path: 'sys/capabilities-self', capabilities: ['update'] },
    { path: 'sys/internal/ui/mounts', capabilities: ['read'] },
    { path: 'sys/internal/ui/mounts/*', capabilities: ['read'] },
  ],
};

interface Pattern {
  readonly path: string;
  readonly granted: ReadonlySet<Capability>;
  /** Without the `*` at the end. */
  readonly segments: readonly string[];
  readonly glob: boolean;
  /** Where the first `+` or `*` stands; infinite for an exact path. */
  readonly wildcardAt: number;
  readonly plusses: number;
}

/** The rules of `policies`, ready to ask. Rules for the very same path add up. */
export function createAcl(policies: readonly Policy[]): Acl {
  const merged = new Map<string, Set<Capability>>();
  for (const { path, capabilities: granted } of policies.flatMap(({ rules }) => rules)) {
    merged.set(path, new Set([...(merged.get(path) ?? []), ...granted]));
  }
  // The first that matches is the most specific.
  const patterns = [...merged].map(([path, granted]) => toPattern(path, granted)).sort(bySpecificity);
  const find = (path: string): ReadonlySet<Capability> | undefined => {
    const segments = path.split('/');
    return patterns.find((pattern) => matches(pattern, segments))?.granted;
  };
  const findFor = (path: string, capability: Capability): ReadonlySet<Capability> | undefined =>
    // A folder may be listed by a rule for it without the slash, as in Vault.
    find(path) ?? (capability === 'list' && path.endsWith('/') ? find(path.slice(0, -1)) : undefined);
  return {
    allows(path, capability) {
      const granted = findFor(path, capability);
      return granted !== undefined && !granted.has('deny') && granted.has(capability);
    },
    capabilitiesOf(path) {
      const granted = find(path);
      return granted === undefined || granted.has('deny') ? [] : [...granted];
    },
  };
}

function toPattern(path: string, granted: ReadonlySet<Capability>): Pattern {
  const glob = path.endsWith('*');
  const segments = (glob ? path.slice(0, -1) : path).split('/');
  const plusAt = segments.indexOf('+');
  const plus = plusAt < 0 ? Number.POSITIVE_INFINITY : [...segments.slice(0, plusAt), ''].join('/').length;
  const wildcardAt = Math.min(plus, glob ? path.length - 1 : Number.POSITIVE_INFINITY);
  return { path, granted, segments, glob, wildcardAt, plusses: segments.filter((part) => part === '+').length };
}

function matches({ segments, glob }: Pattern, path: readonly string[]): boolean {
  if (glob ? path.length < segments.length : path.length !== segments.length) return false;
  const last = segments.length - 1;
  return segments.every((part, at) => {
    const given = path[at] as string;
    if (part === '+') return true;
    return glob && at === last ? given.startsWith(part) : given === part;
  });
}

// Vault's order: later first wildcard, no `*` at the end, fewer `+`, longer, then by text.
function bySpecificity(a: Pattern, b: Pattern): number {
  if (a.wildcardAt !== b.wildcardAt) return a.wildcardAt > b.wildcardAt ? -1 : 1;
  if (a.glob !== b.glob) return a.glob ? 1 : -1;
  if (a.plusses !== b.plusses) return a.plusses - b.plusses;
  if (a.path.length !== b.path.length) return b.path.length - a.path.length;
  return a.path > b.path ? -1 : 1;
}
