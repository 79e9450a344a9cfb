import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { FromControl, FromRole } from '../api/channel.ts';
import { encodeBase64Url } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { MerlonError, messageOf } from '../core/errors.ts';
import { tryReadPrivateText, writeFileAtomic } from '../core/files.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { createRotator, proveKey, type Rotator } from '../identity/index.ts';

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
  /** A wanted SVID was had for the first time, or renewed. */
  readonly onChange: () => void;
}

/** Gets SVIDs over the channel for keys that never leave this process but for its own private file, and renews them at half of life. */
export interface SvidKeeper extends Stoppable {
  /** The SVIDs to hold from now on. */
  want(spiffeIds: readonly string[]): void;
  /** The SVID of `spiffeId` that is valid now. */
  current(spiffeId: string): HeldSvid | undefined;
  /** The channel is open: proofs sign `nonce` from now on. */
  opened(nonce: string): void;
  /** Whether the message was an answer about SVIDs. */
  receive(message: FromControl): boolean;
  /** Whether every wanted SVID is held. */
  readonly complete: boolean;
}

interface Request {
  readonly key: string;
  readonly settle: (svid: HeldSvid) => void;
  readonly fail: (error: MerlonError) => void;
}

export function createSvidKeeper({ file, clock, log, send, onChange }: SvidKeeperOptions): SvidKeeper {
  const kept = readKept(file);
  const rotators = new Map<string, Rotator<HeldSvid>>();
  const requests = new Map<number, Request>();
  let nonce: string | undefined;
  let lastRequest = 0;

  const obtain = (spiffeId: string): Promise<HeldSvid> => {
    if (nonce === undefined) return Promise.reject(away());
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
    const proof = proveKey(privateKey, { nonce, spiffeId, publicKey });
    const request = ++lastRequest;
    send({
      type: 'svid-request',
      request,
      spiffeId,
      publicKey: encodeBase64Url(publicKey),
      proof: encodeBase64Url(proof),
    });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    return new Promise((settle, fail) => requests.set(request, { key, settle, fail }));
  };
  const current = (spiffeId: string): HeldSvid | undefined => {
    const svid = rotators.get(spiffeId)?.current();
    return svid !== undefined && svid.notAfterMs > clock.now() ? svid : undefined;
  };
  const keep = (): void => {
    const held = [...rotators].flatMap(([spiffeId, rotator]) =>
      rotator.current() === undefined ? [] : [[spiffeId, rotator.current()]],
    );
    writeFileAtomic(file, JSON.stringify(held));
  };
  const add = (spiffeId: string): void => {
    const initial = kept.get(spiffeId);
    const rotator = createRotator<HeldSvid>({
      clock,
      obtain: () => obtain(spiffeId),
      ...(initial === undefined ? {} : { initial }),
      onRotated: () => {
        keep();
        onChange();
      },
      onStalled: ({ elapsed, failures, cause }) =>
        log.error(
          { spiffeId, lifeOver: `${Math.round(elapsed * 100)} %`, failures, cause: messageOf(cause) },
          'an SVID is not being renewed',
        ),
    });
    rotators.set(spiffeId, rotator);
  };

  return {
    want: (spiffeIds) => {
      for (const [spiffeId, rotator] of rotators) {
        if (spiffeIds.includes(spiffeId)) continue;
        rotator.stop();
        rotators.delete(spiffeId);
      }
      for (const spiffeId of spiffeIds) if (!rotators.has(spiffeId)) add(spiffeId);
    },
    current,
    opened: (fresh) => {
      nonce = fresh;
      for (const { fail } of requests.values()) fail(away());
      requests.clear();
      // What was asked over the former channel is not answered any more, and nobody waits out a back-off from then.
      for (const rotator of rotators.values()) rotator.retry();
    },
    receive: (message) => {
      if (message.type !== 'svid' && message.type !== 'svid-refused') return false;
      const request = requests.get(message.request);
      requests.delete(message.request);
      if (message.type === 'svid-refused')
        request?.fail(new MerlonError({ code: message.code, message: message.message }));
      else
        request?.settle({
          certificate: message.chain,
          key: request.key,
          notBeforeMs: message.notBeforeMs,
          notAfterMs: message.notAfterMs,
        });
      return true;
    },
    get complete() {
      return rotators.size > 0 && [...rotators.keys()].every((spiffeId) => current(spiffeId) !== undefined);
    },
    stop: async () => {
      for (const rotator of rotators.values()) rotator.stop();
    },
  };
}

function away(): MerlonError {
  return new MerlonError({ code: 'control.unavailable', message: 'control is not reachable' });
}

function readKept(file: string): ReadonlyMap<string, HeldSvid> {
  const text = tryReadPrivateText(file);
  if (text === undefined) return new Map();
  try {
    return new Map((JSON.parse(text) as unknown[]).filter(isKept));
  } catch {
    return new Map();
  }
}

function isKept(entry: unknown): entry is [spiffeId: string, svid: HeldSvid] {
  if (!Array.isArray(entry)) return false;
  const [spiffeId, svid] = entry as [unknown, Partial<HeldSvid> | null | undefined];
  return (
    [spiffeId, svid?.certificate, svid?.key].every((each) => typeof each === 'string') &&
    [svid?.notBeforeMs, svid?.notAfterMs].every((each) => Number.isSafeInteger(each))
  );
}
