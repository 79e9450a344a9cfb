import type { Principal } from '../api/record.ts';
import { MerlonError } from '../core/errors.ts';
import { SecretsError } from './errors.ts';
import type { AccessEvent, RecordAccess } from './ports.ts';

/** Who does what with which path. */
export interface Access {
  readonly actor: Principal;
  readonly action: string;
  readonly target: string;
  /** Named facts; never values of secrets, never tokens. */
  readonly detail?: AccessEvent['detail'];
}

/** Runs work so that none of it goes unrecorded. */
export interface Audited {
  /** Runs `work` and records it before its result is given out. */
  read<T>(access: Access, work: () => Promise<T>): Promise<T>;
  /** Records the change before `work` makes it, and again should it fail. */
  change<T>(access: Access, work: () => Promise<T>): Promise<T>;
  /** Records what was refused. */
  refuse(access: Access, error: unknown): Promise<void>;
}

/** Everything fails with `secrets.audit-failed` while `record` does. */
export function createAudited(record: RecordAccess): Audited {
  const tell = async (
    access: Access,
    outcome: AccessEvent['outcome'],
    more: AccessEvent['detail'] = {},
  ): Promise<void> => {
    const { actor, action, target, detail } = access;
    try {
      await record({ actor, action, target, outcome, detail: { ...detail, ...more } });
    } catch (cause) {
      throw new SecretsError('secrets.audit-failed', 'the access could not be recorded, and so was not granted', {
        hint: 'see why the ledger takes no records',
        cause,
      });
    }
  };
  const refuse = (access: Access, error: unknown): Promise<void> =>
    tell(access, 'failure', { code: error instanceof MerlonError ? error.code : 'internal' });
  const tellFailure = async <T>(access: Access, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      await refuse(access, error);
      throw error;
    }
  };
  return {
    async read(access, work) {
      const result = await tellFailure(access, work);
      await tell(access, 'success');
      return result;
    },
    async change(access, work) {
      await tell(access, 'success');
      return tellFailure(access, work);
    },
    refuse,
  };
}
