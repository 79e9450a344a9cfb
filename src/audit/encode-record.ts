import type { AuditEvent, LedgerRecord } from '../api/record.ts';
import { isUuid, uuidV7 } from '../core/ids.ts';
import { canonicalJson } from './canonical.ts';
import { AuditError } from './errors.ts';
import { maskRecord } from './mask.ts';
import { tryParseRecord } from './record-schema.ts';
import type { Encoded } from './segment-writer.ts';

/** A record as it will be stored: checked, masked, canonical. Throws `ledger.record-invalid`, `ledger.record-too-large`. */
export function encodeRecord(value: unknown, maxBytes: number): Encoded {
  const parsed = tryParseRecord(value);
  if (parsed === undefined) {
    throw new AuditError({ code: 'ledger.record-invalid', message: 'this is not a record of a decision or an event' });
  }
  const record = maskRecord(parsed);
  const json = canonicalJson(record);
  if (Buffer.byteLength(json) <= maxBytes) return { record, json };
  throw new AuditError({
    code: 'ledger.record-too-large',
    message: `the record \`${record.id}\` is larger than ${maxBytes} bytes`,
  });
}

/** As `encodeRecord`, with an event that tells of the refusal in place of what is refused. */
export function encodeOrReject(value: unknown, maxBytes: number, nowMs: number): Encoded {
  try {
    return encodeRecord(value, maxBytes);
  } catch (error) {
    if (!(error instanceof AuditError)) throw error;
    return encodeRecord(rejection(value, error, nowMs), maxBytes);
  }
}

function rejection(value: unknown, { code }: AuditError, nowMs: number): LedgerRecord {
  const id = (value as Partial<LedgerRecord> | null)?.id;
  const event: AuditEvent = {
    kind: 'event',
    id: uuidV7(nowMs),
    timeMs: nowMs,
    actor: { kind: 'workload', id: 'ledger' },
    action: 'audit.reject',
    target: typeof id === 'string' && isUuid(id) ? id : 'unknown',
    outcome: 'failure',
    detail: { code },
  };
  return event;
}
