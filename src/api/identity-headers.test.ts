import { describe, expect, test } from 'vitest';
import { isIdentityHeader } from './identity-headers.ts';

describe('fields that claim an identity', () => {
  test.each(['merlon-subject', 'merlon-anything', 'x-forwarded-user', 'client-cert', 'x-http-method-override'])(
    '%s',
    (name) => {
      expect(isIdentityHeader(name)).toBe(true);
    },
  );

  test.each(['merlon_subject', 'x_forwarded_user', 'x-forwarded_user', 'merlon_roles'])(
    '%s, which a CGI program reads as the same variable',
    (name) => expect(isIdentityHeader(name)).toBe(true),
  );

  test.each(['accept', 'x-merlon', 'my_field', 'x-forwarded-for'])('not %s', (name) => {
    expect(isIdentityHeader(name)).toBe(false);
  });
});
