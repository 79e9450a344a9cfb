import type { Path } from './problem.ts';

const secretWords = new Set([
  'password',
  'passwd',
  'pwd',
  'pass',
  'secret',
  'token',
  'credential',
  'credentials',
  'apikey',
  'privatekey',
  'passwordhash',
]);
const secretPairs = new Set([
  'api key',
  'private key',
  'access key',
  'secret key',
  'signing key',
  'encryption key',
  'master key',
  'auth key',
]);
// `DB_PASSWORD_FILE` and `SECRET_NAME` say where a secret is, not what it is.
const locators = new Set(['file', 'path', 'name', 'id', 'url', 'ttl', 'endpoint', 'dir', 'header', 'length']);

function wordsOf(key: string): string[] {
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

/** Whether a variable or field of this name holds, by all appearance, a secret: `DB_PASSWORD`, `apiKey`. */
export function isSecretName(key: string): boolean {
  const words = wordsOf(key.slice(0, 256));
  if (locators.has(words.at(-1) ?? '')) return false;
  return words.some((word, at) => secretWords.has(word) || secretPairs.has(`${word} ${words[at + 1] ?? ''}`));
}

/** Whether `text` is a URL with a password in it. */
export function hasUrlPassword(text: string): boolean {
  const [, password] = /^[a-z][a-z0-9+.-]{0,32}:\/\/[^/?#\s:@]{0,256}:([^/?#\s@]{1,256})@/i.exec(text) ?? [];
  return password !== undefined && !/^\$\{?[A-Za-z_]\w*\}?$/.test(password);
}

const switches = /^(?:true|false|yes|no|on|off|enabled|disabled|0|1|)$/i;

/** Whether a variable, by name and value, looks like a secret in clear text. */
export function isPlainSecret(name: string, value: string): boolean {
  return !switches.test(value) && (isSecretName(name) || hasUrlPassword(value));
}

/** Whether what stands below the key `step`, `depth` keys down in a manifest, may be a secret. */
export function isSecretStep(depth: number, step: string | number): boolean {
  // `shared` holds an address, in which a person may have put the password.
  const holder = depth === 2 && (step === 'env' || step === 'secrets' || step === 'shared');
  // A limit for each API key is no key.
  return typeof step === 'string' && (holder || (isSecretName(step) && step !== 'perApiKey'));
}

/** Whether what stands at `path` of a manifest may be a secret, and must not be shown. */
export function isSecretPath(path: Path): boolean {
  return path.some((step, depth) => isSecretStep(depth, step));
}
