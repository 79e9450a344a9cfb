import { centralOidc } from './central-oidc.ts';
import { dependencies } from './dependencies.ts';
import { imageScanning } from './image-scanning.ts';
import { incidentResponse } from './incident-response.ts';
import type { Assessment, ChecklistItem, Facts, Gap, State } from './item.ts';
import { jwtVerification } from './jwt-verification.ts';
import { limitsAndValidation } from './limits-and-validation.ts';
import { logsAndTraces } from './logs-and-traces.ts';
import { networkPolicies } from './network-policies.ts';
import { nonRootContainers } from './non-root-containers.ts';
import { secretsOutOfCode } from './secrets-out-of-code.ts';
import { shortLivedCredentials } from './short-lived-credentials.ts';
import { tlsEverywhere } from './tls-everywhere.ts';

/** The twelve items, in their order. */
export const checklist: readonly ChecklistItem[] = [
  tlsEverywhere,
  centralOidc,
  jwtVerification,
  shortLivedCredentials,
  secretsOutOfCode,
  imageScanning,
  nonRootContainers,
  networkPolicies,
  logsAndTraces,
  limitsAndValidation,
  dependencies,
  incidentResponse,
];

export interface CheckedItem extends Assessment {
  readonly id: string;
  readonly title: string;
}

/** A gap and the item that it belongs to. */
export interface Fix extends Gap {
  readonly item: string;
}

export interface CheckReport {
  readonly items: readonly CheckedItem[];
  /** Everything that is missing: what takes minutes first, and within that what decides. */
  readonly fixes: readonly Fix[];
  readonly tally: Readonly<Record<State, number>>;
}

/** Judges every item. */
export function check(facts: Facts): CheckReport {
  const items = checklist.map(({ id, title, assess }) => ({ id, title, ...assess(facts) }));
  const count = (state: State): number => items.filter((item) => item.state === state).length;
  return {
    items,
    fixes: items.flatMap(({ id, gaps }) => gaps.map((gap) => ({ ...gap, item: id }))).sort(byEase),
    tally: {
      met: count('met'),
      partly: count('partly'),
      'not-met': count('not-met'),
      'not-applicable': count('not-applicable'),
    },
  };
}

const ease = { minutes: 0, hours: 1, days: 2 } as const;

function byEase(a: Fix, b: Fix): number {
  return ease[a.effort] - ease[b.effort] || Number(b.decisive ?? false) - Number(a.decisive ?? false);
}

export type { Facts, Gap, Owner, RunningFacts, State } from './item.ts';
export { type ProjectFiles, readProject } from './project-files.ts';
