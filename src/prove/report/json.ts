import type { AttackResult } from '../attack.ts';
import type { ProveReport } from '../run.ts';
import type { Observation } from '../wire/observation.ts';

/** The report as data, for programs. Holds what the Markdown report holds. */
export function toJson({ results, startedMs, ...report }: ProveReport): unknown {
  return { ...report, startedAt: new Date(startedMs).toISOString(), results: results.map(resultOf) };
}

function resultOf({ attack, probes, ...result }: AttackResult): unknown {
  const { id, title, protection, severity, standards } = attack;
  return {
    id,
    title,
    severity,
    standards,
    ...(protection === undefined ? {} : { protection }),
    ...result,
    probes: probes.map((probe) => ({
      place: probe.place,
      verdict: probe.verdict,
      because: probe.because,
      control: shown(probe.control),
      attack: shown(probe.attack),
    })),
  };
}

function shown({ transcript: _, ...observation }: Observation): unknown {
  return observation;
}
