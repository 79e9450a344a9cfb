import { sleep } from '../../core/clock.ts';
import {
  type Attack,
  gotThrough,
  inconclusive,
  type Judgement,
  notApplicable,
  type Probe,
  type Severity,
  stopped,
} from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { faultOfSuccess, judgeRefusal, subjectFor } from '../probes.ts';
import { rightful } from '../survey.ts';
import type { Observation } from '../wire/observation.ts';
import type { RequestText } from '../wire/request.ts';

interface FramingRow {
  readonly id: string;
  readonly title: string;
  readonly codes: readonly string[];
  readonly status?: number | readonly number[];
  readonly severity?: Severity;
  readonly standards?: readonly string[];
  /** The bytes of the attack; `smuggled` is a whole second request, hidden where a lenient reader would find it. */
  readonly bytes: (facts: FramingFacts) => string;
}

interface FramingFacts {
  readonly authority: string;
  readonly target: string;
  readonly smuggled: string;
  /** Request line and fields of a request whose body is read, the framing left out. */
  readonly head: string;
}

const framing = ['net.bad-framing'];
const lines = (...parts: string[]): string => `${parts.join('\r\n')}\r\n`;

/** Two readers that disagree about where a request ends let one pass what the other never sees (RFC 9112, section 11.2). */
const rows: readonly FramingRow[] = [
  {
    id: 'smuggling.cl-te',
    title: 'Content-Length and Transfer-Encoding, the rest hidden behind the last chunk',
    codes: framing,
    severity: 'critical',
    bytes: ({ authority, target, smuggled }) =>
      `${lines(
        `POST ${target} HTTP/1.1`,
        `host: ${authority}`,
        `content-length: ${5 + smuggled.length}`,
        'transfer-encoding: chunked',
        '',
      )}0\r\n\r\n${smuggled}`,
  },
  {
    id: 'smuggling.te-cl',
    title: 'Transfer-Encoding and a Content-Length that ends within the first chunk',
    codes: framing,
    severity: 'critical',
    bytes: ({ authority, target, smuggled }) =>
      lines(`POST ${target} HTTP/1.1`, `host: ${authority}`, 'transfer-encoding: chunked', 'content-length: 4', '') +
      `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
  },
  {
    id: 'smuggling.te-te',
    title: 'two Transfer-Encoding fields, one of them unknown',
    codes: framing,
    severity: 'critical',
    bytes: ({ authority, target, smuggled }) =>
      `${lines(
        `POST ${target} HTTP/1.1`,
        `host: ${authority}`,
        'transfer-encoding: chunked',
        'transfer-encoding: identity',
        '',
      )}0\r\n\r\n${smuggled}`,
  },
  {
    id: 'smuggling.te-unknown',
    title: 'a Transfer-Encoding that is not `chunked` but looks like it',
    codes: framing,
    bytes: ({ authority, target, smuggled }) =>
      lines(`POST ${target} HTTP/1.1`, `host: ${authority}`, 'transfer-encoding: xchunked', '') +
      `0\r\n\r\n${smuggled}`,
  },
  {
    id: 'smuggling.te-list',
    title: '`chunked` that is not the last transfer coding',
    codes: framing,
    bytes: ({ authority, target, smuggled }) =>
      lines(`POST ${target} HTTP/1.1`, `host: ${authority}`, 'transfer-encoding: chunked, identity', '') +
      `0\r\n\r\n${smuggled}`,
  },
  {
    id: 'smuggling.te-http-1.0',
    title: 'Transfer-Encoding in an HTTP/1.0 request',
    codes: ['net.bad-framing', 'net.bad-version'],
    bytes: ({ authority, target, smuggled }) =>
      `${lines(
        `POST ${target} HTTP/1.0`,
        `host: ${authority}`,
        'connection: keep-alive',
        'transfer-encoding: chunked',
        '',
      )}0\r\n\r\n${smuggled}`,
  },
  {
    id: 'smuggling.two-lengths',
    title: 'two Content-Length fields that disagree',
    codes: framing,
    severity: 'critical',
    bytes: ({ authority, target, smuggled }) =>
      lines(
        `POST ${target} HTTP/1.1`,
        `host: ${authority}`,
        'content-length: 0',
        `content-length: ${smuggled.length}`,
        '',
      ) + smuggled,
  },
  {
    id: 'smuggling.length-list',
    title: 'a list in Content-Length',
    codes: framing,
    bytes: ({ authority, target, smuggled }) =>
      lines(`POST ${target} HTTP/1.1`, `host: ${authority}`, `content-length: 0, ${smuggled.length}`, '') + smuggled,
  },
  {
    id: 'smuggling.signed-length',
    title: 'a Content-Length with a sign',
    codes: framing,
    bytes: ({ authority, target, smuggled }) =>
      lines(`POST ${target} HTTP/1.1`, `host: ${authority}`, 'content-length: +0', '') + smuggled,
  },
  {
    id: 'smuggling.chunk-size',
    title: 'a chunk size that wraps around (2^64)',
    codes: ['net.bad-chunk'],
    bytes: ({ head, smuggled }) =>
      `${head}transfer-encoding: chunked\r\n\r\n10000000000000000\r\n\r\n0\r\n\r\n${smuggled}`,
  },
  {
    id: 'smuggling.chunk-line-feed',
    title: 'a chunk size that ends with a line feed alone',
    codes: ['net.bad-chunk'],
    bytes: ({ head, smuggled }) => `${head}transfer-encoding: chunked\r\n\r\n1\nA\r\n0\r\n\r\n${smuggled}`,
  },
  {
    id: 'smuggling.line-feed',
    title: 'header lines that end with a line feed alone',
    codes: ['net.bad-header', 'net.bad-request-line'],
    bytes: ({ authority, target, smuggled }) => `GET ${target} HTTP/1.1\nhost: ${authority}\n\n${smuggled}`,
  },
  {
    id: 'smuggling.carriage-return',
    title: 'a carriage return within a field value',
    codes: ['net.bad-header'],
    bytes: ({ authority, target, smuggled }) =>
      lines(`GET ${target} HTTP/1.1`, `host: ${authority}`, `x-probe: a\rtransfer-encoding: chunked`, '') + smuggled,
  },
  {
    id: 'smuggling.folded-line',
    title: 'a field continued on the next line (obs-fold)',
    codes: ['net.bad-header'],
    bytes: ({ authority, target, smuggled }) =>
      lines(`GET ${target} HTTP/1.1`, `host: ${authority}`, 'x-probe: a', ' transfer-encoding: chunked', '') + smuggled,
  },
  {
    id: 'smuggling.space-before-colon',
    title: 'a space between field name and colon',
    codes: ['net.bad-header'],
    bytes: ({ authority, target, smuggled }) =>
      lines(`POST ${target} HTTP/1.1`, `host: ${authority}`, 'transfer-encoding : chunked', '') +
      `0\r\n\r\n${smuggled}`,
  },
  {
    id: 'smuggling.nul',
    title: 'a NUL byte in a field value',
    codes: ['net.bad-header'],
    bytes: ({ authority, target, smuggled }) =>
      lines(`GET ${target} HTTP/1.1`, `host: ${authority}`, 'x-probe: a\0b', '') + smuggled,
  },
  {
    id: 'smuggling.two-hosts',
    title: 'two Host fields',
    codes: ['net.bad-host'],
    bytes: ({ authority, target, smuggled }) =>
      lines(`GET ${target} HTTP/1.1`, `host: ${authority}`, 'host: internal.invalid', '') + smuggled,
  },
  {
    id: 'smuggling.no-host',
    title: 'no Host field',
    codes: ['net.bad-host'],
    severity: 'medium',
    bytes: ({ target, smuggled }) => lines(`GET ${target} HTTP/1.1`, 'x-probe: a', '') + smuggled,
  },
  {
    id: 'smuggling.other-authority',
    title: 'an absolute target that names another host than Host does',
    codes: ['net.bad-host', 'net.bad-target'],
    bytes: ({ authority, target, smuggled }) =>
      lines(`GET https://internal.invalid${target} HTTP/1.1`, `host: ${authority}`, '') + smuggled,
  },
  {
    id: 'smuggling.request-line',
    title: 'white space within the request line',
    codes: ['net.bad-request-line', 'net.bad-target', 'net.bad-version'],
    bytes: ({ authority, target, smuggled }) => lines(`GET  ${target}  HTTP/1.1`, `host: ${authority}`, '') + smuggled,
  },
  {
    id: 'smuggling.connect',
    title: 'CONNECT: the gateway as a tunnel',
    codes: ['net.connect-refused'],
    status: [400, 405],
    standards: ['CWE-441', 'OWASP API8:2023'],
    bytes: ({ authority, smuggled }) => lines(`CONNECT ${authority} HTTP/1.1`, `host: ${authority}`, '') + smuggled,
  },
];

/** A GET that is answered 2xx, with whatever credential it needs. */
export async function plainRequest(context: ProveContext, attackId: string): Promise<RequestText | undefined> {
  const { publicRead, reads } = context.survey;
  const [open] = reads;
  if (open !== undefined) return rightful(context, open, subjectFor(context, attackId));
  return publicRead;
}

export function hasPlainRequest({ survey }: ProveContext): boolean {
  return survey.publicRead !== undefined || survey.reads.length > 0;
}

function framingProbe(context: ProveContext, row: FramingRow): Probe {
  const marker = `/merlon-prove-smuggled-${context.run}-${row.id.split('.')[1]}`;
  const { authority } = context.target.edge;
  const target = context.survey.reads[0]?.place.template ?? context.survey.publicRead?.target ?? '/';
  const smuggled = lines(`GET ${marker} HTTP/1.1`, `host: ${authority}`, '');
  const started = context.target.clock.now();
  return {
    place: `the public port, before ${target}`,
    control: async () => context.edge((await plainRequest(context, row.id)) as RequestText),
    controlFault: faultOfSuccess,
    attack: async () => {
      const head = await headOfWrite(context, row.id);
      const bytes = row.bytes({ authority, target, smuggled, head });
      return context.edgeBytes(Buffer.from(bytes, 'latin1'), { timeoutMs: 2500 });
    },
    judge: async (attack) => judgeFraming(context, row, attack, marker, started),
  };
}

/** A body is read only when its sender may send it; without such an operation, one that may at least be read. */
async function headOfWrite(context: ProveContext, attackId: string): Promise<string> {
  const open = context.survey.write ?? context.survey.reads[0];
  const request =
    open === undefined ? context.survey.publicRead : await rightful(context, open, subjectFor(context, attackId));
  const fields = (request?.headers ?? []).map(([name, value]) => `${name}: ${value}`);
  return lines(
    `${request?.method ?? 'GET'} ${request?.target ?? '/'} HTTP/1.1`,
    `host: ${context.target.edge.authority}`,
    ...fields,
  );
}

async function judgeFraming(
  context: ProveContext,
  { codes, status = 400 }: FramingRow,
  attack: Observation,
  marker: string,
  sinceMs: number,
): Promise<Judgement> {
  const { transcript } = attack;
  if ((transcript?.responses.length ?? 0) > 1) return gotThrough('the hidden request was answered, too');
  const judged = judgeRefusal({ status, codes, filter: ['http', 'openapi', 'forward'] })(attack);
  if (judged.verdict === 'got-through') return judged;
  if (await wasSmuggled(context, marker, sinceMs))
    return gotThrough('the hidden request was decided on as a request of its own');
  if (judged.verdict === 'stopped' && transcript?.closed !== true)
    return inconclusive('refused, but the connection was left open');
  return judged.verdict === 'stopped' ? stopped(`${judged.because}, connection closed, nothing smuggled`) : judged;
}

/** Whether a request for `marker` was decided on, anywhere: a refusal of the engine's does not count as one. */
export async function wasSmuggled({ target }: ProveContext, marker: string, sinceMs: number): Promise<boolean> {
  await sleep(target.clock, recordsArriveMs);
  const records = await target.recordsSince(sinceMs);
  return records.some(
    (record) => record.kind === 'decision' && record.path.startsWith(marker) && record.reason?.filter !== 'http',
  );
}

// The gateway and the agents send their records every 25 ms.
const recordsArriveMs = 120;

export const framingAttacks: readonly Attack[] = rows.map((row) => ({
  id: row.id,
  title: row.title,
  severity: row.severity ?? 'high',
  standards: row.standards ?? ['CWE-444', 'OWASP API8:2023'],
  plan: (context) =>
    hasPlainRequest(context)
      ? [framingProbe(context, row)]
      : notApplicable('no operation answers a simple GET', context.survey.faults.plain),
}));
