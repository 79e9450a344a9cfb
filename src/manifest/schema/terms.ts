import { isIP } from 'node:net';
import { z } from 'zod';
import { type Rate, tryParseDuration, tryParseRate, tryParseSize } from '../../core/quantity.ts';
import type { ManifestCode } from '../codes.ts';
import { tryParseNetwork } from './networks.ts';
import { type UnavailableKey, unavailable } from './unavailable.ts';

// The words that the manifest's sections share. Each reads one scalar and gives its resolved value.

/** What a custom issue carries besides its sentence. */
export interface IssueFacts {
  readonly code: ManifestCode;
  readonly hint?: string;
}

type Context = z.core.$RefinementCtx;

/** Refuses the value at hand with a sentence and a code of this folder. */
export function refuse(context: Context, message: string, facts: IssueFacts, path: (string | number)[] = []): void {
  context.addIssue({ code: 'custom', message, params: facts, path });
}

/** Refuses what this version does not do (`unavailable.ts`). */
export function refuseUnavailable(context: Context, key: UnavailableKey, path: (string | number)[] = []): void {
  refuse(context, unavailable[key], { code: 'manifest.not-available' }, path);
}

// What editors and the reference call a term: `a duration` is titled `duration`.
const titleOf = (what: string): string => what.replace(/^an? /, '');

function parsed<T>(what: string, example: string, tryParse: (text: string) => T | undefined) {
  return z
    .string()
    .meta({ title: titleOf(what) })
    .transform((text, context): T => {
      const value = tryParse(text);
      if (value !== undefined) return value;
      refuse(context, `\`${text}\` is not ${what}`, { code: 'manifest.bad-value', hint: `write it as ${example}` });
      return z.NEVER;
    });
}

/** Text that must match; what it means is told in the refusal. */
export function matching(what: string, pattern: RegExp, example: string) {
  return z
    .string()
    .superRefine((text, context) => {
      if (!pattern.test(text))
        refuse(context, `\`${text}\` is not ${what}`, { code: 'manifest.bad-value', hint: `write it as ${example}` });
    })
    .meta({ title: titleOf(what), pattern: pattern.source });
}

/** Milliseconds. */
export const duration = parsed('a duration', '`250ms`, `30s`, `5m`, `24h` or `7d`', tryParseDuration);

/** Bytes. */
export const size = parsed('a size', '`512B`, `64KiB` or `1MiB`', tryParseSize);

/** A rate and the text it was written as. */
export interface WrittenRate extends Rate {
  readonly text: string;
}

export const rate = parsed('a rate', '`10/s`, `600/min` or `10000/day`', (text): WrittenRate | undefined => {
  const value = tryParseRate(text);
  return value === undefined ? undefined : { ...value, text };
});

export const network = parsed(
  'a network or address',
  '`10.0.0.0/8`, `203.0.113.7` or `2001:db8::/32`',
  tryParseNetwork,
);

/** Where something listens or is reached. */
export interface Address {
  readonly scheme: 'http' | 'https';
  /** Without brackets where it is IPv6. */
  readonly host: string;
  readonly port: number;
}

/** `http://host:port` or `https://host:port` and nothing behind it. */
export function tryParseAddress(text: string): Address | undefined {
  const [, scheme, host = '', port] =
    /^(https?):\/\/([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})$/.exec(text) ?? [];
  if (scheme === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined;
  const bare = host.startsWith('[') ? host.slice(1, -1) : host;
  if (host.startsWith('[') && isIP(bare) !== 6) return undefined;
  return { scheme: scheme as Address['scheme'], host: bare, port: Number(port) };
}

export const address = parsed('an address', '`https://host:port`', tryParseAddress);
export const plainAddress = parsed('an address', '`http://host:port`', (text) => {
  const value = tryParseAddress(text);
  return value?.scheme === 'http' ? value : undefined;
});

/** `host:port`, where a service may reach out to. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export function tryParseEndpoint(text: string): Endpoint | undefined {
  const [, host = '', port] = /^((?:\*\.)?[A-Za-z0-9][A-Za-z0-9.-]{0,252}):(\d{1,5})$/.exec(text) ?? [];
  return port === undefined || Number(port) < 1 || Number(port) > 65_535
    ? undefined
    : { host: host.toLowerCase(), port: Number(port) };
}

export const endpoint = parsed('a destination', '`api.example.com:443`', tryParseEndpoint);

const httpUrl = (text: string): URL | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.hash === ''
    ? url
    : undefined;
};

/** An `https://` or `http://` URL, kept as it was written: issuers are compared character by character. */
export const url = parsed('a URL', '`https://host/path`', (text) => (httpUrl(text) === undefined ? undefined : text));

/** An origin: scheme, host and port, no path. Origins are compared, so that one with a `*` would never be met. */
export const origin = parsed('an origin', '`https://shop.example`', (text) =>
  httpUrl(text)?.origin === text && !text.includes('*') ? text : undefined,
);

export const port = z.int().min(1).max(65_535).meta({ title: 'port' });

/** DNS label (RFC 1123): what a service is called. */
export const label = matching(
  'a name',
  /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
  'lower-case letters, digits and dashes, as `orders`',
);

/** What roles, users and clients are called. */
export const name = matching(
  'a name',
  /^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/,
  'letters, digits and `. _ @ -`, as `customer`',
);

/** scope-token (RFC 6749, section 3.3). */
export const scope = matching('a scope', /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, '`orders:read`');

export const method = z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
export type Method = z.output<typeof method>;

/** A path of a file or folder, relative to the manifest's folder. */
export const file = z.string().min(1).max(4096).meta({ title: 'path' });

/** A map by name. It has no prototype, so that a lookup by a name from outside finds only what was declared. */
export function dictionary<K extends z.core.$ZodRecordKey, V extends z.ZodType>(key: K, value: V) {
  return z
    .record(key, value)
    .transform(
      (entries): Readonly<Record<string, z.output<V>>> =>
        Object.assign(Object.create(null) as Record<string, z.output<V>>, entries),
    );
}
