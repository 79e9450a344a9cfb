import { argon2, randomBytes, randomInt } from 'node:crypto';
import { promisify } from 'node:util';
import { equalConstantTime } from '../core/bytes.ts';
import { commonPasswords, maxPasswordCost, passwordBounds, passwordCost, passwordQueue } from './config.ts';
import { oidcError } from './errors.ts';

const derive = promisify(argon2);

/** The parts of an Argon2id hash in PHC string format. */
interface ParsedHash {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly tag: Buffer;
}

const phc =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Takes `text` apart. Throws `oidc.password-hash` where it is no Argon2id hash, or a needlessly dear one. */
export function parsePasswordHash(text: string): ParsedHash {
  const [, memory, passes, parallelism, salt = '', tag = ''] = phc.exec(text) ?? [];
  const cost = { memoryKiB: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  if (salt === '')
    throw oidcError(
      'oidc.password-hash',
      'the password hash is not Argon2id in PHC string format',
      'it starts with `$argon2id$v=19$m=`',
    );
  for (const name of ['memoryKiB', 'passes', 'parallelism'] as const) {
    if (cost[name] > maxPasswordCost[name])
      throw oidcError('oidc.password-hash', `the password hash asks for more ${name} than ${maxPasswordCost[name]}`);
  }
  if (cost.memoryKiB < 8 * cost.parallelism)
    throw oidcError('oidc.password-hash', 'the password hash has less than 8 KiB of memory a lane');
  return { ...cost, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') };
}

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

function formatPasswordHash({ memoryKiB, passes, parallelism, salt, tag }: ParsedHash): string {
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
}

/** Hashes passwords, a few at a time. */
export interface PasswordHasher {
  /** A hash in PHC string format. Throws `oidc.password-weak`, `oidc.busy`. */
  hash(password: string, username?: string): Promise<string>;
  /**
   * Whether `password` is the one behind `hash`. Without a hash it works as long as for `decoy` and says no, so that
   * time tells nobody which names exist. Throws `oidc.busy`.
   */
  verify(password: string, hash: string | undefined, decoy?: string): Promise<boolean>;
}

/**
 * Throws `oidc.password-weak` where the length is out of bounds, or where the password is one that is guessed first:
 * a common one, the user's own name, or one character repeated (NIST SP 800-63B, section 5.1.1.2: length, not composition).
 */
export function checkPassword(password: string, username = ''): void {
  const { minLength, maxLength } = passwordBounds;
  if (password.length < minLength || password.length > maxLength)
    throw oidcError('oidc.password-weak', `a password has ${minLength} to ${maxLength} characters`);
  const folded = password.toLowerCase();
  const stem = folded.replace(/[\d!]{1,4}$/, '');
  const isCommon = [folded, stem].some((text) => text === username || commonPasswords.includes(text));
  if (isCommon || new Set(folded).size === 1)
    throw oidcError(
      'oidc.password-weak',
      'this password is one of the first that are guessed',
      'take a few unrelated words',
    );
}

/** A hasher with its own queue; a process needs one. */
export function createPasswordHasher(): PasswordHasher {
  const enter = createGate(passwordQueue.running, passwordQueue.waiting);
  const compute = (password: string, { memoryKiB, passes, parallelism, salt, tag }: ParsedHash): Promise<Buffer> =>
    // Composed and decomposed accents are the same password (RFC 8265, section 4.2).
    enter(() =>
      derive('argon2id', {
        message: password.normalize('NFC'),
        nonce: salt,
        parallelism,
        memory: memoryKiB,
        passes,
        tagLength: tag.length,
      }),
    );
  const fresh = (): ParsedHash => ({
    ...passwordCost,
    salt: randomBytes(passwordCost.saltBytes),
    tag: Buffer.alloc(passwordCost.tagBytes),
  });
  const nobody = fresh();
  return {
    async hash(password, username) {
      checkPassword(password, username);
      const parts = fresh();
      return formatPasswordHash({ ...parts, tag: await compute(password, parts) });
    },
    async verify(password, hash, decoy) {
      const worked = hash ?? decoy;
      const expected = worked === undefined ? nobody : parsePasswordHash(worked);
      const tag = await compute(password.slice(0, passwordBounds.maxLength), expected);
      const isRight = equalConstantTime(tag, expected.tag) && password.length <= passwordBounds.maxLength;
      return isRight && hash !== undefined;
    },
  };
}

/** Runs at most `running` tasks at once and lets at most `waiting` more wait; others are turned away with `oidc.busy`. */
function createGate(running: number, waiting: number): <T>(task: () => Promise<T>) => Promise<T> {
  let busy = 0;
  const queue: (() => void)[] = [];
  return async (task) => {
    if (busy >= running) {
      if (queue.length >= waiting)
        throw oidcError('oidc.busy', 'too many logins at once', 'try again in a few seconds');
      await new Promise<void>((resolve) => queue.push(resolve));
    } else busy++;
    try {
      return await task();
    } finally {
      const next = queue.shift();
      if (next === undefined) busy--;
      else next();
    }
  };
}

// No letters or digits that are mistaken for one another.
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
const generatedLength = 20;

/** A password that a person can type: four groups of five, 99 bits. */
export function generatePassword(): string {
  const letters = Array.from({ length: generatedLength }, () => alphabet[randomInt(alphabet.length)]);
  return [0, 5, 10, 15].map((at) => letters.slice(at, at + 5).join('')).join('-');
}
