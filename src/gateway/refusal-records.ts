import type { Clock } from '../core/clock.ts';
import { uuidV7 } from '../core/ids.ts';
import type { Refusal } from '../net/index.ts';
import type { RecordDecision } from './ports.ts';

/** Refusals of one address that are each recorded, at once and per second. */
const burst = 50;
const perSecond = 5;
/** Addresses that are remembered; the one that was longest silent is forgotten first. */
const mostAddresses = 4096;

interface Sender {
  /** Records that may still be made. */
  room: number;
  countedAtMs: number;
  /** Id of the last record. */
  id: string;
  /** Refusals since then that share it. */
  unrecorded: number;
}

/**
 * Records what the engine refused before it was a request, and gives the id of the record. Such refusals cost their sender next to
 * nothing: of an address that has many, those past a rate share the record of the one before, and the next record says
 * how many they were.
 */
export function createRefusalRecords(clock: Clock, record: RecordDecision): (refusal: Refusal) => string {
  const senders = new Map<string, Sender>();

  const senderOf = (address: string): Sender => {
    const known = senders.get(address);
    const nowMs = clock.monotonic();
    const sender = known ?? { room: burst, countedAtMs: nowMs, id: '', unrecorded: 0 };
    // Last in the map's order: the first one is the longest silent.
    if (known !== undefined) senders.delete(address);
    else if (senders.size >= mostAddresses) senders.delete(senders.keys().next().value as string);
    senders.set(address, sender);
    sender.room = Math.min(burst, sender.room + ((nowMs - sender.countedAtMs) * perSecond) / 1000);
    sender.countedAtMs = nowMs;
    return sender;
  };

  return (refusal) => {
    const sender = senderOf(refusal.remoteAddress);
    if (sender.room < 1) {
      sender.unrecorded++;
      return sender.id;
    }
    sender.room--;
    sender.id = uuidV7(clock.now());
    record(decisionOf(refusal, sender, clock));
    sender.unrecorded = 0;
    return sender.id;
  };
}

function decisionOf(refusal: Refusal, { id, unrecorded }: Sender, clock: Clock): Parameters<RecordDecision>[0] {
  const { code, message, status, method, target, remoteAddress } = refusal;
  const detail = `${unrecorded} refusals of this address since its record before have none of their own`;
  return {
    kind: 'decision',
    id,
    timeMs: clock.now(),
    plane: 'edge',
    verdict: 'deny',
    status,
    method: method?.slice(0, 32) ?? '',
    host: '',
    path: target?.slice(0, 256).split('?')[0] ?? '',
    remoteAddress,
    steps: [{ filter: 'http', outcome: 'deny' }],
    reason: { filter: 'http', code, message, ...(unrecorded === 0 ? {} : { detail }) },
    durationMs: 0,
  };
}
