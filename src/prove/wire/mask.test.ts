import { describe, expect, test } from 'vitest';
import { signWithOwnKey } from '../forge.ts';
import { maskSecrets, showBytes } from './mask.ts';

describe('what reports show', () => {
  test('a token without its signature, decoded', () => {
    const token = signWithOwnKey({ alg: 'ES256', kid: 'k' }, { sub: 'alice' });
    const shown = maskSecrets(`authorization: Bearer ${token}`);
    expect(shown).toBe('authorization: Bearer {"alg":"ES256","kid":"k"} . {"sub":"alice"} . (signature)');
  });

  test('that a token has no signature', () => {
    const [header, claims] = signWithOwnKey({ alg: 'none' }, { sub: 'alice' }).split('.');
    expect(maskSecrets(`Bearer ${header}.${claims}.`)).toContain('(no signature)');
  });

  test.each([
    'Authorization: Bearer 0123456789abcdef',
    'authorization: Basic YWRtaW46YWRtaW4=',
    'X-Vault-Token: hvs.abcdef',
  ])('nothing of %s', (line) => expect(maskSecrets(line)).toMatch(/^[\w-]+: (?:(?:Bearer|Basic) )?\*\*\*$/));

  test('control bytes as escapes, and line ends as lines', () => {
    expect(showBytes('GET / HTTP/1.1\r\na: b\0c\rd\r\n')).toBe('GET / HTTP/1.1\na: b\\x00c\\x0dd\n');
  });

  test('the beginning of what is long', () => {
    const shown = showBytes('a'.repeat(50_000));
    expect(shown.length).toBeLessThan(1300);
    expect(shown).toContain('50000 bytes in all');
  });
});
