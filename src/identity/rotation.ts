import type { EmitEvent, Principal } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import { MerlonError } from '../core/errors.ts';
import type { AuthorityBook } from './authority-book.ts';
import type { AuthorityKind, AuthorityState, DueStep } from './authority-state.ts';
import * as stage from './authority-state.ts';
import type { Lifetimes } from './config.ts';
import { mintIntermediate, mintJwtKey, mintX509Authority } from './mint.ts';
import { roleSpiffeId } from './spiffe-id.ts';

/** What a rotation works with. */
export interface RotationOptions {
  readonly book: AuthorityBook;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly trustDomain: string;
  readonly lifetimes: Lifetimes;
}

/**
 * Replaces authorities stage by stage: prepare, activate, taint, revoke. Each step is one atomic write, so it may be
 * interrupted anywhere and taken up by the next process. A step out of order is `identity.rotation-refused`.
 */
export interface Rotation {
  /** Publishes a new authority that does not sign yet. Gives its id. */
  prepare(kind: AuthorityKind, by?: Principal): Promise<string>;
  /** Lets the prepared authority sign. What the former one signed stays good. */
  activate(kind: AuthorityKind, by?: Principal): Promise<void>;
  /** Tells the holders of what a retired authority signed to renew now. */
  taint(kind: AuthorityKind, id: string, by?: Principal): Promise<void>;
  /** Removes a tainted authority with its keys: what it signed is believed no more. */
  revoke(kind: AuthorityKind, id: string, by?: Principal): Promise<void>;
  /** Takes every step that time demands. Cheap where none is due. */
  maintain(): Promise<void>;
}

const kinds: readonly AuthorityKind[] = ['x509', 'jwt'];
// Clocks differ, and a relying party may look at an SVID a little after its end.
const drainMarginMs = 3_600_000;

/** The state of a new trust domain: one active authority of each kind. */
export async function firstState({
  clock,
  trustDomain,
  lifetimes,
}: Omit<RotationOptions, 'book' | 'emit'>): Promise<AuthorityState> {
  const options = { trustDomain, lifetimes, nowMs: clock.now(), stage: 'active' } as const;
  return { schema: 1, sequence: 1, x509: [mintX509Authority(options)], jwt: [await mintJwtKey(options)] };
}

export function createRotation(options: RotationOptions): Rotation {
  const { book, clock, emit, trustDomain, lifetimes } = options;
  const self: Principal = { kind: 'workload', id: roleSpiffeId(trustDomain, 'control') };

  const report = (kind: AuthorityKind, step: string, id: string, actor: Principal): void =>
    emit({ actor, action: `authority.${step}`, target: `${trustDomain}/${kind}/${id}`, outcome: 'success' });

  /** Takes the step that `choose` finds in the state, and reports it; undefined where there is none. */
  const advance = async (
    kind: AuthorityKind,
    choose: (state: AuthorityState) => DueStep | undefined,
    by: Principal,
  ) => {
    let taken: DueStep | undefined;
    const state = await book.update(async (current) => {
      taken = choose(current);
      return taken && (await applied(current, kind, taken, options));
    });
    if (taken === undefined) return undefined;
    const id = idOf(state, kind, taken);
    report(kind, taken.step, id, by);
    return id;
  };

  const renewIntermediate = async (): Promise<void> => {
    let id: string | undefined;
    await book.update((state) => {
      const active = stage.activeOf(state.x509);
      const nowMs = clock.now();
      id = undefined;
      if (!stage.isHalfOver(active.intermediate, nowMs) || active.notAfterMs <= nowMs) return undefined;
      id = active.id;
      const intermediate = mintIntermediate(active, { trustDomain, lifetimes, nowMs });
      return { ...state, x509: state.x509.map((one) => (one.id === active.id ? { ...one, intermediate } : one)) };
    });
    if (id !== undefined) report('x509', 'renew-intermediate', id, self);
  };

  /** A step that someone asked for: its refusal is reported too. */
  const demanded = async (kind: AuthorityKind, step: DueStep, actor: Principal): Promise<string> => {
    try {
      return (await advance(kind, () => step, actor)) ?? '';
    } catch (error) {
      const target = `${trustDomain}/${kind}/${'id' in step ? step.id.slice(0, 64) : ''}`;
      const code = error instanceof MerlonError ? error.code : 'internal';
      emit({ actor, action: `authority.${step.step}`, target, outcome: 'failure', detail: { code } });
      throw error;
    }
  };

  return {
    prepare: (kind, by = self) => demanded(kind, { step: 'prepare' }, by),
    activate: async (kind, by = self) => void (await demanded(kind, { step: 'activate' }, by)),
    taint: async (kind, id, by = self) => void (await demanded(kind, { step: 'taint', id }, by)),
    revoke: async (kind, id, by = self) => void (await demanded(kind, { step: 'revoke', id }, by)),
    maintain: async () => {
      for (const kind of kinds) {
        const drainMs = (kind === 'x509' ? lifetimes.maxX509SvidMs : lifetimes.maxJwtSvidMs) + drainMarginMs;
        const pace = { propagationMs: lifetimes.propagationMs, drainMs };
        const due = (state: AuthorityState) => stage.dueStep(state[kind], clock.now(), pace);
        while ((await advance(kind, due, self)) !== undefined);
      }
      await renewIntermediate();
    },
  };
}

async function applied(
  state: AuthorityState,
  kind: AuthorityKind,
  step: DueStep,
  options: RotationOptions,
): Promise<AuthorityState> {
  const { clock, lifetimes, trustDomain } = options;
  const nowMs = clock.now();
  const mint = { trustDomain, lifetimes, nowMs, stage: 'prepared' } as const;
  // Activation changes who signs, not who is believed.
  const sequence = state.sequence + (step.step === 'activate' ? 0 : 1);
  if (kind === 'x509')
    return { ...state, sequence, x509: await stepped(state.x509, step, () => mintX509Authority(mint), nowMs) };
  return { ...state, sequence, jwt: await stepped(state.jwt, step, () => mintJwtKey(mint), nowMs) };
}

type Staged = Parameters<typeof stage.dueStep>[0][number];

async function stepped<T extends Staged>(
  authorities: readonly T[],
  step: DueStep,
  mint: () => T | Promise<T>,
  nowMs: number,
): Promise<T[]> {
  switch (step.step) {
    case 'prepare':
      return stage.prepare(authorities, await mint());
    case 'activate':
      return stage.activate(authorities, nowMs);
    case 'taint':
      return stage.taint(authorities, step.id, nowMs);
    case 'revoke':
      return stage.revoke(authorities, step.id);
  }
}

function idOf(state: AuthorityState, kind: AuthorityKind, step: DueStep): string {
  if ('id' in step) return step.id;
  const wanted = step.step === 'prepare' ? 'prepared' : 'active';
  return state[kind].find((authority) => authority.stage === wanted)?.id ?? '';
}
