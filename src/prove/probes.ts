// The usual shapes of probes, and how their answers are judged.
import { gotThrough, inconclusive, type Judgement, type Probe, stopped } from './attack.ts';
import type { ProveContext } from './context.ts';
import { nameOf } from './places.ts';
import { isAdmitted, type OpenPlace, rightful } from './survey.ts';
import type { Observation } from './wire/observation.ts';
import { type RequestText, withFields } from './wire/request.ts';

/** How an attack must be refused. */
export interface Refusal {
  readonly status: number | readonly number[];
  /** Any of these problem codes. */
  readonly codes: readonly string[];
  /** The filter that the ledger's record must name, or any of these; undefined where the refusal leaves no record. */
  readonly filter: string | readonly string[] | undefined;
}

const listOf = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** Whether the observation shows that a request was let through. */
export function wasLetThrough({ status, record }: Observation): boolean {
  return record?.verdict === 'allow' || (status >= 200 && status < 400);
}

/** Holds an answer against the refusal that was expected: the status, the code, and the ledger's record of it. */
export function judgeRefusal(expected: Refusal): (attack: Observation) => Judgement {
  return (attack) => {
    if (wasLetThrough(attack)) return gotThrough(`answered with ${attack.status}`);
    const { status, code, record } = attack;
    if (status === 0) return inconclusive('no response came');
    if (!listOf(expected.status).includes(status) || code === undefined || !expected.codes.includes(code))
      return inconclusive(
        `refused with ${status} ${code ?? 'and no code'}, where ${listOf(expected.status).join(' or ')} ${expected.codes.join(' or ')} was expected`,
      );
    if (expected.filter === undefined) return stopped(`${status} ${code}`);
    if (record === undefined)
      return inconclusive(`refused with ${status} ${code}, but the ledger holds no record of it`);
    const { verdict, reason } = record;
    const filters = listOf(expected.filter);
    if (verdict === 'deny' && reason?.code === code && filters.includes(reason.filter))
      return stopped(`${status} ${code} by ${reason.filter}`);
    return inconclusive(
      `the ledger says ${verdict} by ${reason?.filter ?? 'nothing'}, not deny by ${filters.join(' or ')}`,
    );
  };
}

/** What is wrong with a control request that must be answered 2xx, and by the service. */
export function faultOfSuccess({ status, record, received }: Observation): string | undefined {
  if (status < 200 || status >= 300) return `the rightful caller was answered ${status === 0 ? received : status}`;
  return record !== undefined && record.verdict !== 'allow' ? `the ledger says ${record.verdict}` : undefined;
}

/** What is wrong with a control request that must reach the service, whatever it has to say: nothing may be there yet. */
export function faultOfAdmission(control: Observation): string | undefined {
  if (isAdmitted(control)) return undefined;
  const { status, received } = control;
  return `the rightful caller was answered ${status === 0 ? received : status}`;
}

/** A subject that no limit has counted yet: each attack has its own. */
export function subjectFor({ run }: ProveContext, attackId: string): string {
  return `merlon-prove-a.${attackId}.${run}`;
}

const creations = new WeakMap<ProveContext, Map<string, Promise<Observation>>>();

/**
 * What the rightful caller is answered. A request that makes something new each time is sent once in a run, and what it
 * was answered then stands beside every attack on that place.
 */
export async function askRightfully(context: ProveContext, open: OpenPlace, subject: string): Promise<Observation> {
  const ask = async (): Promise<Observation> => context.edgePatiently(await rightful(context, open, subject));
  if (open.place.method !== 'POST') return ask();
  const made = creations.get(context) ?? new Map<string, Promise<Observation>>();
  creations.set(context, made);
  const answer = made.get(nameOf(open.place)) ?? ask();
  made.set(nameOf(open.place), answer);
  return answer;
}

export interface EdgeProbe {
  readonly open: OpenPlace;
  readonly subject: string;
  /** The attacker's request, made from the rightful one. */
  readonly attack: (rightful: RequestText) => RequestText | Promise<RequestText>;
  readonly expected: Refusal;
  /** What is wrong with the control request; by default whatever is not 2xx. */
  readonly controlFault?: NonNullable<Probe['controlFault']>;
}

const faultFor = ({ isAdmittedOnly }: OpenPlace): NonNullable<Probe['controlFault']> =>
  isAdmittedOnly === true ? faultOfAdmission : faultOfSuccess;

/** A request to the public port that is right but for one thing. */
export function edgeProbe(
  context: ProveContext,
  { open, subject, attack, expected, controlFault = faultFor(open) }: EdgeProbe,
): Probe {
  return {
    place: nameOf(open.place),
    control: () => askRightfully(context, open, subject),
    controlFault,
    attack: async () => context.edge(await attack(await rightful(context, open, subject))),
    judge: judgeRefusal(expected),
  };
}

/** `request` with another credential, or with none. */
export function withToken(request: RequestText, token: string | undefined): RequestText {
  const headers = request.headers.filter(([name]) => name !== 'authorization');
  const bare = { ...request, headers };
  return token === undefined ? bare : withFields(bare, ['authorization', `Bearer ${token}`]);
}
