import { text } from 'node:stream/consumers';
import { MerlonError } from '../core/errors.ts';

const maxChars = 65_536;

/** A secret from standard input, without the line break that ends it. Secrets are never arguments: every user of the host can read those. */
export async function readSecret(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('value, then Ctrl-D: ');
  const value = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (value !== '' && value.length <= maxChars) return value;
  throw new MerlonError({
    code: 'input.secret',
    message: `standard input must hold 1 to ${maxChars} characters`,
    hint: 'pipe the value in: printf %s "$VALUE" | merlon ...',
  });
}
