import { createHmac, randomBytes } from 'node:crypto';

/** Hashes to work on for users who do not exist. */
export interface Decoys {
  /** A hash that costs what some user's costs, always the same for one name; undefined where nobody has a password. */
  pick(name: string): Promise<string | undefined>;
  /** The users' hashes have changed. */
  forget(): void;
}

/**
 * Declared hashes may be dearer or cheaper than our own. Were a login with an unknown name always as dear as ours, time
 * would give those users away; so each unknown name costs what one of the kinds of hash in use costs, chosen by a key
 * that nobody knows.
 */
export function createDecoys(readHashes: () => Promise<readonly string[]>): Decoys {
  const key = randomBytes(32);
  let kinds: readonly string[] | undefined;
  return {
    async pick(name) {
      kinds ??= distinctCosts(await readHashes());
      const draw = createHmac('sha256', key).update(name).digest().readUInt32BE();
      return kinds[draw % kinds.length];
    },
    forget() {
      kinds = undefined;
    },
  };
}

/** One hash for each cost: `$argon2id$v=19$m=...,t=...,p=...`. */
function distinctCosts(hashes: readonly string[]): readonly string[] {
  return [...new Map(hashes.map((hash) => [hash.split('$', 4).join('$'), hash])).values()];
}
