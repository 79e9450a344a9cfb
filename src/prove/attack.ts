import type { Protection } from '../api/protections.ts';
import type { ProveContext } from './context.ts';
import type { Observation } from './wire/observation.ts';

export type Severity = 'critical' | 'high' | 'medium' | 'low';

/** `got-through`: the platform let it happen. `inconclusive`: refused, but not shown to be refused for its own reason. */
export type Verdict = 'stopped' | 'got-through' | 'inconclusive';

/** What a judge says, and why. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly because: string;
}

/** One place where an attack is tried: what the rightful caller does, what the attacker does, and how to tell. */
export interface Probe {
  /** Where: `GET /api/orders`. */
  readonly place: string;
  readonly control: () => Promise<Observation>;
  /** Undefined where the control request shows that the path works, else what is wrong with it. */
  readonly controlFault?: (control: Observation) => string | undefined;
  readonly attack: () => Promise<Observation>;
  readonly judge: (attack: Observation, control: Observation) => Judgement | Promise<Judgement>;
}

/** Why an attack does not apply to this deployment. */
export interface NotApplicable {
  readonly notApplicable: string;
  /** What went wrong, without which it would apply: then nothing is shown. */
  readonly fault?: string;
}

/** One way in which somebody might get through. */
export interface Attack {
  /** `<domain>.<name>`. */
  readonly id: string;
  /** What the attacker does, as a phrase. */
  readonly title: string;
  /** The protection without which it gets through; undefined where nothing can switch it off. */
  readonly protection?: Protection;
  readonly severity: Severity;
  /** Weakness and risk by their public names: `CWE-347`, `OWASP API2:2023`. */
  readonly standards: readonly string[];
  /** Takes seconds of waiting: begun first. */
  readonly slow?: boolean;
  readonly plan: (context: ProveContext) => readonly Probe[] | NotApplicable;
}

/** What an attack came to at one place. */
export interface ProbeResult extends Judgement {
  readonly place: string;
  readonly control: Observation;
  readonly attack: Observation;
}

export interface AttackResult {
  readonly attack: Attack;
  readonly verdict: Verdict | 'not-applicable';
  readonly because: string;
  readonly probes: readonly ProbeResult[];
  readonly tookMs: number;
}

export function notApplicable(reason: string, fault?: string): NotApplicable {
  return { notApplicable: reason, ...(fault === undefined ? {} : { fault }) };
}

export const stopped = (because: string): Judgement => ({ verdict: 'stopped', because });
export const gotThrough = (because: string): Judgement => ({ verdict: 'got-through', because });
export const inconclusive = (because: string): Judgement => ({ verdict: 'inconclusive', because });
