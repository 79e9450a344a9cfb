import { createHash } from 'node:crypto';
import { createClient } from '@redis/client';
import type { SharedCounters, SlotNews } from './ports.ts';
import { helloScript, quotaScript, rateScript, slotScript } from './scripts.ts';

/** Where the server is and who asks. */
export interface RedisOptions {
  /** `redis://host:port/db`, `rediss://host:port`, or `unix:///path`; no credentials. */
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM of the authority that the server's certificate comes from; undefined: those of the system. */
  readonly ca?: string | undefined;
  /** Keeps the keys of one deployment apart from others on the same server. */
  readonly prefix: string;
  readonly connectTimeoutMs: number;
  /** Told of each failure of the connection, which is made anew by itself. */
  readonly onError: (error: unknown) => void;
}

interface Script {
  readonly text: string;
  readonly sha: string;
}

const scriptOf = (text: string): Script => ({ text, sha: createHash('sha1').update(text).digest('hex') });
const scripts = {
  rate: scriptOf(rateScript),
  quota: scriptOf(quotaScript),
  slots: scriptOf(slotScript),
  hello: scriptOf(helloScript),
};

const longestPauseMs = 1000;

/**
 * Shared counters in Redis (6.2 and later) or Valkey. Resolves when the first attempt to connect has gone well or has
 * failed; the connection is then made anew in the background, and until it stands calls reject.
 */
export async function createRedisCounters(options: RedisOptions): Promise<SharedCounters> {
  const client = createClient({
    ...addressOf(options),
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    // What cannot be sent now is judged here now: nothing waits for a server that is away.
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    commandsQueueMaxLength: 20_000,
  });
  client.on('error', options.onError);
  await new Promise<void>((resolve) => {
    client.once('ready', resolve);
    client.once('error', resolve);
    client.connect().catch(resolve);
  });

  const run = async ({ sha, text }: Script, key: string, args: readonly (string | number)[]): Promise<number[]> => {
    const rest = ['1', key, ...args.map(String)];
    try {
      return await client.sendCommand<number[]>(['EVALSHA', sha, ...rest]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return client.sendCommand<number[]>(['EVAL', text, ...rest]);
    }
  };
  // Names of people do not leave this host: what is stored over there is a digest.
  const keyOf = (kind: string, name: string): string =>
    `${options.prefix}:${kind}:${createHash('sha256').update(name).digest('base64url')}`;
  const channel = `${options.prefix}:slots`;
  const listeners = createListeners(client, channel, options.onError);
  return {
    rate: async (host, key, call) => {
      const { intervalMs, burst, held, unspent, charge, need, want, hosts, leaseMs } = call;
      const args = [intervalMs, burst, host, held, unspent, charge, need, want, hosts, leaseMs];
      const [granted = 0, remaining = 0, resetMs = 0, retryAfterMs = 0] = await run(
        scripts.rate,
        keyOf('rate', key),
        args,
      );
      return { granted, remaining, resetMs, retryAfterMs };
    },
    quota: async (host, key, { count, mine, need, want, hosts, periodEndMs }) => {
      const args = [count, host, mine, need, want, hosts, periodEndMs];
      const [granted = 0, others = 0] = await run(scripts.quota, keyOf('quota', `${key}\n${periodEndMs}`), args);
      return { granted, others };
    },
    slots: async (host, key, { count, held, need, leaseMs, waitMs, isAnswer }) => {
      const args = [count, host, held, need, leaseMs, waitMs, isAnswer ? 1 : 0, channel];
      const [granted = 0, holders = 0, others = 0] = await run(scripts.slots, keyOf('slots', key), args);
      return { granted, holders, others };
    },
    watchSlots: (host, key, listen) => listeners.add(host, keyOf('slots', key), listen),
    hello: async (host, aliveMs) => {
      const [hosts = 1, nowMs = 0] = await run(scripts.hello, `${options.prefix}:hosts`, [host, aliveMs]);
      return { hosts, nowMs };
    },
    stop: async () => client.destroy(),
  };
}

type Client = ReturnType<typeof createClient>;
type Listen = (news: SlotNews) => void;

/** Hears what is published in `channel`, once somebody listens. Where the server does not allow that, nothing is heard. */
function createListeners(client: Client, channel: string, onError: (error: unknown) => void) {
  const byKey = new Map<string, { readonly host: string; readonly listen: Listen }>();
  const hear = (message: string): void => {
    const [news, host, key = ''] = message.split(' ');
    const listener = byKey.get(key);
    if (listener === undefined || listener.host === host) return;
    if (news === 'wanted' || news === 'given' || news === 'kept') listener.listen(news);
  };
  let isSubscribed = false;
  const subscribe = (): void => {
    if (isSubscribed || byKey.size === 0 || !client.isReady) return;
    isSubscribed = true;
    // The client subscribes anew by itself where the connection was lost.
    client.subscribe(channel, hear).catch((error: unknown) => {
      isSubscribed = false;
      onError(error);
    });
  };
  client.on('ready', subscribe);
  return {
    add: (host: string, key: string, listen: Listen): (() => void) => {
      byKey.set(key, { host, listen });
      subscribe();
      return () => void byKey.delete(key);
    },
  };
}

function addressOf({ url, ca, connectTimeoutMs }: RedisOptions): Parameters<typeof createClient>[0] {
  const { protocol, hostname, port, pathname } = new URL(url);
  const reconnectStrategy = (retries: number): number => Math.min(longestPauseMs, 50 * 2 ** Math.min(retries, 5));
  const common = { connectTimeout: connectTimeoutMs, reconnectStrategy, keepAlive: true, noDelay: true };
  if (protocol === 'unix:') return { socket: { ...common, path: decodeURIComponent(pathname), tls: false } };
  const host = hostname.replace(/^\[|\]$/g, '');
  const at = { ...common, host, port: port === '' ? 6379 : Number(port) };
  const database = Number(pathname.slice(1) || '0');
  if (protocol === 'redis:') return { socket: at, database };
  return { socket: { ...at, tls: true, servername: host, ...(ca === undefined ? {} : { ca }) }, database };
}
