import { type Attack, type NotApplicable, notApplicable, type Probe } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { faultOfSuccess, judgeRefusal } from '../probes.ts';
import { canBeSomebodyElse } from '../survey.ts';
import type { Observation } from '../wire/observation.ts';
import { formatRequest, type RequestText, withFields } from '../wire/request.ts';
import { hasPlainRequest, plainRequest } from './framing.ts';

const standards = ['CWE-799', 'OWASP API8:2023'];
// More failures than this are not tried.
const mostFailures = 300;
/** Enough to use up what an address keeps. */
const afterwards = 12;

interface ScannerRow {
  readonly id: string;
  readonly title: string;
  readonly from: string;
  /** What the address does first. */
  readonly before: (context: ProveContext, failures: number) => readonly RequestText[];
  /** Fields of every request. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

const rows: readonly ScannerRow[] = [
  {
    id: 'scanner.probing',
    title: 'a series of guesses at paths that do not exist, then ordinary requests',
    from: '127.88.0.1',
    before: ({ run }, failures) =>
      Array.from({ length: failures + 5 }, (_, at) => ({
        method: 'GET',
        target: `/merlon-prove-${run}/${at}.bak`,
        headers: [],
      })),
    fields: [],
  },
  {
    id: 'scanner.tool',
    title: 'requests of a tool that looks for holes and says so',
    from: '127.88.0.2',
    before: () => [],
    fields: [['user-agent', 'sqlmap/1.9']],
  },
];

function scannerAttack(row: ScannerRow): Attack {
  const { id, title } = row;
  return {
    id,
    title,
    protection: 'scanner.throttle',
    severity: 'medium',
    standards,
    plan: (context) => planOf(row, context),
  };
}

function planOf(row: ScannerRow, context: ProveContext): readonly Probe[] | NotApplicable {
  const { scanners } = context.target.manifest.gateway;
  if (scanners?.mode !== 'throttle') return notApplicable('the manifest throttles no scanners');
  if (scanners.failures > mostFailures) return notApplicable(`nobody is one before ${scanners.failures} failures`);
  if (!canBeSomebodyElse(context.target)) return notApplicable('a probe can call from one address alone');
  if (!hasPlainRequest(context)) return notApplicable('no operation answers a simple GET', context.survey.faults.plain);
  const plain = async (): Promise<RequestText> => (await plainRequest(context, row.id)) as RequestText;
  return [
    {
      place: `the public port, from ${row.from}`,
      control: async () => context.edge(await plain()),
      controlFault: faultOfSuccess,
      attack: async () => scan(context, row, await plain(), scanners.failures),
      judge: judgeRefusal({
        // A firewall knows tools by name, too.
        status: [429, 403],
        codes: ['gateway.scanner', 'waf.denied'],
        filter: ['scanners', 'waf'],
      }),
    },
  ];
}

/** The observation is of the first of the ordinary requests that was refused, or of the last answer. */
async function scan(
  context: ProveContext,
  { from, before, fields }: ScannerRow,
  plain: RequestText,
  failures: number,
): Promise<Observation> {
  const route = { ...context.edgeRoute, from };
  const { authority } = context.target.edge;
  const format = (request: RequestText): Buffer =>
    formatRequest(withFields(request, ...fields, ['connection', 'keep-alive']), authority);
  const first = before(context, failures).map(format);
  if (first.length > 0)
    await context.edgeBytes(Buffer.concat(first), { route, responses: first.length, timeoutMs: 20_000 });
  const single = format(plain);
  const bytes = Buffer.concat(Array.from({ length: afterwards }, () => single));
  return context.edgeSeries(bytes, single, { route, responses: afterwards, timeoutMs: 20_000 });
}

export const scannerAttacks: readonly Attack[] = rows.map(scannerAttack);
