import { z } from 'zod';
import { refuse, refuseUnavailable } from './terms.ts';

/** A field of a secret: `mount/path#field`. */
export interface SecretReference {
  readonly mount: string;
  readonly path: string;
  readonly field: string;
}

const reference =
  /^([a-z0-9-]{1,64})\/([A-Za-z0-9._-]{1,128}(?:\/[A-Za-z0-9._-]{1,128}){0,15})#([A-Za-z0-9._-]{1,128})$/;

/** `secret/orders/db#password`; undefined where it is not that. */
export function tryParseSecretReference(text: string): SecretReference | undefined {
  const [, mount, path, field] = reference.exec(text) ?? [];
  if (mount === undefined || path === undefined || field === undefined) return undefined;
  return path.split('/').some((segment) => /^\.+$/.test(segment)) ? undefined : { mount, path, field };
}

/** Where a secret is, as `mount/path#field`. */
export const secretPath = z.string().transform((text, context): SecretReference => {
  const mount = text.slice(0, Math.max(0, text.indexOf('/')));
  if (/^[a-z0-9-]+$/.test(mount) && mount !== 'secret') {
    refuseUnavailable(context, 'services.secrets');
    return z.NEVER;
  }
  const value = tryParseSecretReference(text);
  if (value !== undefined) return value;
  refuse(context, 'this is not the path of a secret', {
    code: 'manifest.bad-secret',
    hint: 'write it as `secret/orders/db#password`',
  });
  return z.NEVER;
});
