import { readFileSync } from 'node:fs';
import type { IssuerSnapshot, PublicJwk } from '../api/authn.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { Manifest } from '../manifest/index.ts';

type UpstreamIssuer = Exclude<Manifest['issuers'][number], 'embedded'>;

// Issuers rotate keys days before they use them; once found, keys are looked at again each ten minutes.
const refreshMs = 600_000;
const retryMs = 30_000;
const timeoutMs = 10_000;
const maxBytes = 1024 * 1024;

/** Keys of the issuers elsewhere: found by discovery, refreshed, and kept when an issuer is away. */
export interface UpstreamIssuers extends Stoppable {
  issuers(manifest: Manifest): Promise<readonly IssuerSnapshot[]>;
}

export function createUpstreamIssuers({
  clock,
  log,
  onChange,
}: {
  clock: Clock;
  log: Logger;
  onChange: () => void;
}): UpstreamIssuers {
  const known = new Map<string, { keys: readonly PublicJwk[]; fetchedMs: number }>();
  let wanted: readonly UpstreamIssuer[] = [];

  const isDue = ({ issuer }: UpstreamIssuer): boolean => {
    const before = known.get(issuer);
    return before === undefined || clock.now() - before.fetchedMs >= (before.keys.length === 0 ? retryMs : refreshMs);
  };
  const fetchKeys = async (issuer: UpstreamIssuer): Promise<boolean> => {
    const before = known.get(issuer.issuer);
    try {
      const keys = await readKeys(issuer);
      known.set(issuer.issuer, { keys, fetchedMs: clock.now() });
      return JSON.stringify(keys) !== JSON.stringify(before?.keys);
    } catch (error) {
      log.warn(
        { issuer: issuer.issuer, error: messageOf(error) },
        'the keys of an issuer could not be fetched; the ones that are known stay in use',
      );
      known.set(issuer.issuer, { keys: before?.keys ?? [], fetchedMs: clock.now() });
      return false;
    }
  };
  const running = new Map<string, Promise<boolean>>();
  /** An issuer is asked once at a time; whoever comes meanwhile waits for that, and is told of no change: another is. */
  const refresh = async (issuer: UpstreamIssuer): Promise<boolean> => {
    const already = running.get(issuer.issuer);
    if (already !== undefined) return already.then(() => false);
    if (!isDue(issuer)) return false;
    const started = fetchKeys(issuer).finally(() => running.delete(issuer.issuer));
    running.set(issuer.issuer, started);
    return started;
  };
  const timer = clock.every(retryMs, () => {
    void Promise.all(wanted.map(refresh)).then((changes) => {
      if (changes.includes(true)) onChange();
    });
  });

  return {
    issuers: async ({ issuers }) => {
      wanted = issuers.filter((issuer) => issuer !== 'embedded');
      await Promise.all(wanted.map(refresh));
      return wanted.map((issuer) => snapshotOf(issuer, known.get(issuer.issuer)?.keys ?? []));
    },
    stop: async () => timer.cancel(),
  };
}

function snapshotOf(
  { preset, issuer, audience, roles, scopes }: UpstreamIssuer,
  keys: readonly PublicJwk[],
): IssuerSnapshot {
  const pointer = (claim: string): string =>
    claim.includes('.') && !claim.startsWith('/') ? `/${claim.split('.').join('/')}` : claim;
  return {
    preset,
    issuer,
    audience,
    keys,
    ...(roles === undefined ? {} : { rolesClaims: [pointer(roles)] }),
    ...(scopes === undefined ? {} : { scopesClaims: [pointer(scopes)] }),
  };
}

async function readKeys({ issuer, jwks }: UpstreamIssuer): Promise<readonly PublicJwk[]> {
  if (jwks !== undefined && !jwks.startsWith('https://')) return keysOf(JSON.parse(readFileSync(jwks, 'utf8')));
  const uri = jwks ?? (await discover(issuer));
  return keysOf(await fetchJson(uri));
}

/** OpenID Connect Discovery 1.0, section 4: the issuer in the document must be the one that was asked for. */
async function discover(issuer: string): Promise<string> {
  const document = (await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)) as {
    issuer?: unknown;
    jwks_uri?: unknown;
  };
  if (document.issuer !== issuer) throw new Error('the discovery document names another issuer');
  if (typeof document.jwks_uri !== 'string' || !document.jwks_uri.startsWith('https://'))
    throw new Error('the discovery document names no https jwks_uri');
  return document.jwks_uri;
}

async function fetchJson(url: string): Promise<unknown> {
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
    headers: { accept: 'application/json' },
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const text = await response.text();
  if (text.length > maxBytes) throw new Error(`${url} answered too much`);
  return JSON.parse(text);
}

function keysOf(document: unknown): readonly PublicJwk[] {
  const { keys } = document as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('the key set holds no keys');
  return keys.slice(0, 100) as PublicJwk[];
}
