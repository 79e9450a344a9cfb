import type { Expiry, ServiceStatus } from '../../api/admin.ts';
import type { Manifest } from '../../manifest/index.ts';
import type { ProjectFiles } from './project-files.ts';

export type State = 'met' | 'partly' | 'not-met' | 'not-applicable';

/** Who has to act. */
export type Owner = 'developer' | 'platform' | 'security';

/** How long it takes someone who knows the project. */
export type Effort = 'minutes' | 'hours' | 'days';

/** Something that is missing. */
export interface Gap {
  readonly what: string;
  readonly fix: string;
  readonly owner: Owner;
  readonly effort: Effort;
  /** The item is not met because of it; otherwise it is met in part. */
  readonly decisive?: boolean;
}

/** What is known of the platform while it runs. */
export interface RunningFacts {
  readonly roles: readonly { readonly role: string; readonly name: string; readonly version?: string }[];
  readonly services: readonly ServiceStatus[];
  readonly expiries: readonly Expiry[];
}

/** What items judge by. */
export interface Facts {
  readonly manifest: Manifest;
  readonly files: ProjectFiles;
  /** Undefined: it does not run, or its state folder is not ours. */
  readonly running: RunningFacts | undefined;
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** Whether the checking user is root: services that Merlon runs would be, too. */
  readonly isRoot: boolean;
}

export interface Assessment {
  readonly state: State;
  readonly evidence: readonly string[];
  readonly gaps: readonly Gap[];
}

/** One of the twelve items. */
export interface ChecklistItem {
  readonly id: string;
  readonly title: string;
  readonly assess: (facts: Facts) => Assessment;
}

/** The state that follows from what is missing. */
export function assessed(evidence: readonly string[], gaps: readonly Gap[]): Assessment {
  const state = gaps.some(({ decisive }) => decisive === true) ? 'not-met' : gaps.length > 0 ? 'partly' : 'met';
  return { state, evidence, gaps };
}

export function doesNotApply(reason: string): Assessment {
  return { state: 'not-applicable', evidence: [reason], gaps: [] };
}

/** `3 routes`, `1 route`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** The first few of `names`, and how many more there are. */
export function some(names: readonly string[], most = 4): string {
  const rest = names.length - most;
  return rest > 0 ? `${names.slice(0, most).join(', ')} and ${rest} more` : names.join(', ');
}
