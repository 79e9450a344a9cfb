import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { MerlonError, messageOf } from '../core/errors.ts';
import { randomToken } from '../core/ids.ts';
import type { Logger } from '../core/log.ts';
import { connectRedis, createSharedLink, type SharedLink } from '../limits/control.ts';
import type { Manifest, SharedLimits } from '../manifest/index.ts';
import type { Store } from '../storage/index.ts';
import type { Foundation } from './control-foundation.ts';

export interface SharedLimitsOptions {
  readonly manifest: Manifest;
  /** That of the manifest, which paths in it are relative to. */
  readonly folder: string;
  readonly foundation: Foundation;
  readonly clock: Clock;
  readonly log: Logger;
}

const connectTimeoutMs = 1000;
const hostAt = 'limits/host';

/** The way to the counters that hosts share; undefined where the manifest names none. Throws `secrets.missing`. */
export async function openSharedLimits(options: SharedLimitsOptions): Promise<SharedLink | undefined> {
  const { manifest, folder, foundation, clock, log } = options;
  const { shared } = manifest.gateway.limits;
  if (shared === undefined) return undefined;
  const { url, hosts, username, ca } = shared;
  const counters = await connectRedis({
    url,
    username,
    password: await passwordOf(shared, foundation),
    ca: ca === undefined ? undefined : readFileSync(resolve(folder, ca), 'utf8'),
    prefix: `merlon:${manifest.trustDomain}`,
    connectTimeoutMs,
    onError: (error) => log.debug({ error: messageOf(error) }, 'the server of the shared limits'),
  });
  const host = await keptHost(foundation.store);
  const onChange = (away: boolean, reason: string): void => {
    foundation.emit({
      actor: { kind: 'operator', id: 'control' },
      action: away ? 'limits.shared.away' : 'limits.shared.back',
      target: url,
      outcome: away ? 'failure' : 'success',
      detail: { hosts: link.hosts },
    });
    if (away) log.warn({ url, reason }, 'limits are not shared: this host enforces its part of each');
    else log.info({ url, hosts: link.hosts }, 'limits are shared again');
  };
  const link: SharedLink = createSharedLink({ clock, counters, host, hosts, onChange });
  await link.started;
  return link;
}

async function passwordOf(shared: SharedLimits, { secrets }: Foundation): Promise<string | undefined> {
  if (shared.password === undefined) return undefined;
  const { path, field } = shared.password;
  const found = await secrets.asOperator({ kind: 'operator', id: 'control' }).get(path);
  const password = found?.fields[field];
  if (password !== undefined) return password;
  throw new MerlonError({
    code: 'secrets.missing',
    message: `\`gateway.limits.shared\` needs the secret \`secret/${path}#${field}\`, which is not there`,
    hint: `set it with \`merlon secrets put secret/${path} ${field}\``,
  });
}

/** By which name the others know this host. It outlives restarts, since they count what it has used under it. */
async function keptHost(store: Store): Promise<string> {
  const kept = await store.get(hostAt);
  if (kept !== undefined) return Buffer.from(kept.value).toString();
  const host = randomToken(12);
  await store.write([{ put: hostAt, value: Buffer.from(host), if: 'absent' }]);
  return host;
}
