import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { FromControl, FromRole } from '../api/channel.ts';
import { encodeBase64Url } from '../core/bytes.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { tryReadPrivateText, writeFileAtomic } from '../core/files.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { proveKey } from '../identity/index.ts';

/** An X.509-SVID in use. */
export interface HeldSvid {
  /** Leaf first, PEM. */
  readonly certificate: string;
  /** PKCS#8, PEM. */
  readonly key: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface SvidKeeperOptions {
  /** Where SVIDs are kept, so that the role can serve when it starts while control is away. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly send: (message: FromRole) => void;
  readonly onChange: () => void;
}

/** Gets SVIDs over the channel for keys that never leave this process but for its own private file, and renews them. */
export interface SvidKeeper extends Stoppable {
  /** The SVIDs to hold from now on. */
  want(spiffeIds: readonly string[]): void;
  /** The SVID of `spiffeId` that is valid now. */
  current(spiffeId: string): HeldSvid | undefined;
  opened(nonce: string): void;
  /** Whether the message was an answer about SVIDs. */
  receive(message: FromControl): boolean;
  /** Whether every wanted SVID is held. */
  readonly complete: boolean;
}

// Renewal is due at half of life; a failed one is tried again while the old SVID goes on serving.
const checkMs = 5000;
const alertShare = 0.65;

export function createSvidKeeper({ file, clock, log, send, onChange }: SvidKeeperOptions): SvidKeeper {
  const held = new Map<string, HeldSvid>(readKept(file));
  const pending = new Map<number, { readonly spiffeId: string; readonly key: string }>();
  let wanted: readonly string[] = [];
  let nonce: string | undefined;
  let lastRequest = 0;

  const valid = (spiffeId: string): HeldSvid | undefined => {
    const svid = held.get(spiffeId);
    return svid !== undefined && svid.notAfterMs > clock.now() ? svid : undefined;
  };
  const isDue = (spiffeId: string): boolean => {
    const svid = valid(spiffeId);
    if (svid === undefined) return true;
    const lived = (clock.now() - svid.notBeforeMs) / (svid.notAfterMs - svid.notBeforeMs);
    if (lived > alertShare)
      log.warn(
        { spiffeId, expires: new Date(svid.notAfterMs).toISOString() },
        'an SVID is past 65 % of its life and could not be renewed',
      );
    return lived >= 0.5;
  };
  const request = (spiffeId: string): void => {
    if (nonce === undefined || [...pending.values()].some((each) => each.spiffeId === spiffeId)) return;
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
    const proof = proveKey(privateKey, { nonce, spiffeId, publicKey });
    lastRequest += 1;
    pending.set(lastRequest, { spiffeId, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string });
    send({
      type: 'svid-request',
      request: lastRequest,
      spiffeId,
      publicKey: encodeBase64Url(publicKey),
      proof: encodeBase64Url(proof),
    });
  };
  const renew = (): void => {
    for (const spiffeId of wanted) if (isDue(spiffeId)) request(spiffeId);
  };
  const timer: Timer = clock.every(checkMs, renew);

  return {
    want: (spiffeIds) => {
      wanted = spiffeIds;
      renew();
    },
    current: valid,
    opened: (fresh) => {
      nonce = fresh;
      pending.clear();
      renew();
    },
    receive: (message) => {
      if (message.type === 'svid-refused') {
        log.error({ code: message.code, spiffeId: pending.get(message.request)?.spiffeId }, message.message);
        pending.delete(message.request);
        return true;
      }
      if (message.type !== 'svid') return false;
      const asked = pending.get(message.request);
      pending.delete(message.request);
      if (asked === undefined) return true;
      held.set(asked.spiffeId, {
        certificate: message.chain,
        key: asked.key,
        notBeforeMs: message.notBeforeMs,
        notAfterMs: message.notAfterMs,
      });
      writeFileAtomic(file, JSON.stringify([...held].filter(([spiffeId]) => wanted.includes(spiffeId))));
      onChange();
      return true;
    },
    get complete() {
      return wanted.length > 0 && wanted.every((spiffeId) => valid(spiffeId) !== undefined);
    },
    stop: async () => timer.cancel(),
  };
}

function readKept(file: string): [string, HeldSvid][] {
  const text = tryReadPrivateText(file);
  if (text === undefined) return [];
  try {
    return JSON.parse(text) as [string, HeldSvid][];
  } catch {
    return [];
  }
}
