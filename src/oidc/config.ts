/** Lifetimes of everything that the provider issues, in seconds. */
export interface Lifetimes {
  /** Access tokens cannot be called back from a service that verifies them itself, so they are short. */
  readonly accessToken: number;
  readonly authorizationCode: number;
  readonly idToken: number;
  /** How long a login may take, from the request to the password. */
  readonly interaction: number;
  readonly session: number;
  /** Each refresh gives a new refresh token with a life of its own. */
  readonly refreshToken: number;
  /** The end of it all, however often a token was refreshed: then the user logs in again. */
  readonly grant: number;
  /** How long a signing key signs before the next takes over. */
  readonly signingKey: number;
}

const day = 86_400;

export const defaultLifetimes: Lifetimes = {
  accessToken: 600,
  authorizationCode: 60,
  idToken: 600,
  interaction: 900,
  session: day / 2,
  refreshToken: 7 * day,
  grant: 30 * day,
  signingKey: 30 * day,
};

/**
 * Cost of a password hash: Argon2id (RFC 9106) with 19 MiB and two passes, as the OWASP Password Storage Cheat Sheet
 * has it for servers; about 50 ms on one core.
 */
export const passwordCost = { memoryKiB: 19_456, passes: 2, parallelism: 1, saltBytes: 16, tagBytes: 32 } as const;

/** What a hash that was made elsewhere may cost at most, so that no declared hash can stall logins. */
export const maxPasswordCost = { memoryKiB: 262_144, passes: 16, parallelism: 16 } as const;

/** How many passwords are hashed at once, and how many may wait, which bounds memory and time under a flood of logins. */
export const passwordQueue = { running: 2, waiting: 64 } as const;

export const passwordBounds = { minLength: 8, maxLength: 1024 } as const;

/** Passwords that everybody tries first; with a digit or two at the end they are no better. */
export const commonPasswords: readonly string[] = [
  'password',
  'passw0rd',
  'changeme',
  'letmein',
  'welcome',
  'qwertyuiop',
  'qwerty',
  'asdfghjkl',
  'iloveyou',
  'administrator',
  'admin',
  'sunshine',
  'princess',
  'football',
  'baseball',
  'superman',
  'trustno',
  'dragon',
  'monkey',
  'secret',
  'default',
  'abcdefgh',
  '12345678',
  '87654321',
  '123456789',
  '1234567890',
];
