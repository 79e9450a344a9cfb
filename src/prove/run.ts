import { messageOf } from '../core/errors.ts';
import type { Attack, AttackResult, Judgement, Probe, ProbeResult, Verdict } from './attack.ts';
import type { ProveContext } from './context.ts';
import type { ProveTarget } from './ports.ts';
import { takeSurvey } from './survey.ts';
import { createWire } from './wire/wire.ts';

export interface ProveOptions {
  readonly attacks: readonly Attack[];
  /** Told of each result as it comes. */
  readonly onResult?: (result: AttackResult, done: number, total: number) => void;
  /** Attacks under way at once. */
  readonly lanes?: number;
}

/** Counts by outcome. */
export type Tally = Readonly<Record<AttackResult['verdict'], number>>;

/** What a run came to. */
export interface ProveReport {
  readonly startedMs: number;
  readonly tookMs: number;
  readonly trustDomain: string;
  readonly publicUrl: string;
  /** In the order of the table. */
  readonly results: readonly AttackResult[];
  readonly tally: Tally;
  /** Something was stopped, nothing got through, and nothing was left open. */
  readonly proven: boolean;
}

/** Runs `attacks` against the deployment: each beside what the rightful caller does, so that a dead service proves nothing. */
export async function prove(target: ProveTarget, options: ProveOptions): Promise<ProveReport> {
  const { clock, manifest } = target;
  const began = clock.monotonic();
  const wire = createWire(target);
  const context: ProveContext = { ...wire, survey: await takeSurvey(wire) };
  const results = new Map<Attack, AttackResult>();
  // Those that wait begin first, and the rest run beside them.
  const waiting = [...options.attacks].sort((a, b) => Number(b.slow ?? false) - Number(a.slow ?? false));
  const lane = async (): Promise<void> => {
    for (let attack = waiting.shift(); attack !== undefined; attack = waiting.shift()) {
      const result = await runAttack(attack, context);
      results.set(attack, result);
      options.onResult?.(result, results.size, options.attacks.length);
    }
  };
  await Promise.all(Array.from({ length: options.lanes ?? 6 }, lane));
  const ordered = options.attacks.map((attack) => results.get(attack) as AttackResult);
  const tally = tallyOf(ordered);
  return {
    startedMs: wire.startedMs,
    tookMs: Math.round(clock.monotonic() - began),
    trustDomain: manifest.trustDomain,
    publicUrl: manifest.gateway.publicUrl,
    results: ordered,
    tally,
    proven: tally.stopped > 0 && tally['got-through'] === 0 && tally.inconclusive === 0,
  };
}

function tallyOf(results: readonly AttackResult[]): Tally {
  const count = (verdict: AttackResult['verdict']): number => results.filter((each) => each.verdict === verdict).length;
  return {
    stopped: count('stopped'),
    'got-through': count('got-through'),
    inconclusive: count('inconclusive'),
    'not-applicable': count('not-applicable'),
  };
}

async function runAttack(attack: Attack, context: ProveContext): Promise<AttackResult> {
  const { clock } = context.target;
  const began = clock.monotonic();
  const took = (): number => Math.round(clock.monotonic() - began);
  const probes: ProbeResult[] = [];
  try {
    const plan = attack.plan(context);
    if ('notApplicable' in plan) {
      const { fault, notApplicable: because } = plan;
      return fault === undefined
        ? { attack, verdict: 'not-applicable', because, probes, tookMs: took() }
        : { attack, verdict: 'inconclusive', because: fault, probes, tookMs: took() };
    }
    for (const probe of plan) probes.push(await runProbe(probe));
    const { verdict, because } = worstOf(probes);
    return { attack, verdict, because, probes, tookMs: took() };
  } catch (error) {
    return {
      attack,
      verdict: 'inconclusive',
      because: `the attack failed: ${messageOf(error)}`,
      probes,
      tookMs: took(),
    };
  }
}

async function runProbe(probe: Probe): Promise<ProbeResult> {
  const control = await probe.control();
  const fault = probe.controlFault?.(control);
  const attack = await probe.attack();
  const judgement = await probe.judge(attack, control);
  return { place: probe.place, control, attack, ...doubted(judgement, fault) };
}

/** Where the rightful caller was not let in, a refusal shows nothing; what got through did so all the same. */
function doubted(judgement: Judgement, fault: string | undefined): Judgement {
  if (fault === undefined || judgement.verdict === 'got-through') return judgement;
  return { verdict: 'inconclusive', because: `the control request failed: ${fault}` };
}

const gravity: Readonly<Record<Verdict, number>> = { stopped: 0, inconclusive: 1, 'got-through': 2 };

function worstOf(probes: readonly ProbeResult[]): Judgement {
  const [first, ...rest] = probes;
  if (first === undefined) return { verdict: 'inconclusive', because: 'there was nowhere to try it' };
  return rest.reduce((worst, each) => (gravity[each.verdict] > gravity[worst.verdict] ? each : worst), first);
}
