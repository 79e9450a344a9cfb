import type { Manifest, Network } from '../../manifest/index.ts';
import { type Attack, gotThrough, inconclusive, type Judgement, notApplicable, stopped } from '../attack.ts';
import { nameOf } from '../places.ts';
import { askRightfully, faultOfSuccess, judgeRefusal, type Refusal, subjectFor, wasLetThrough } from '../probes.ts';
import { canBeSomebodyElse, rightful } from '../survey.ts';
import type { Observation } from '../wire/observation.ts';
import { formatRequest, type RequestText, withFields } from '../wire/request.ts';
import { hasPlainRequest, plainRequest } from './framing.ts';

const resources = ['CWE-770', 'OWASP API4:2023'];

/** A simple GET made too large in one way. */
function largeAttack(
  facts: Pick<Attack, 'id' | 'title'>,
  change: (request: RequestText, manifest: Manifest) => RequestText,
  expected: Refusal,
): Attack {
  return {
    ...facts,
    severity: 'medium',
    standards: resources,
    plan: (context) => {
      if (!hasPlainRequest(context))
        return notApplicable('no operation answers a simple GET', context.survey.faults.plain);
      const request = async (): Promise<RequestText> => (await plainRequest(context, facts.id)) as RequestText;
      return [
        {
          place: 'the public port',
          control: async () => context.edge(await request()),
          controlFault: faultOfSuccess,
          attack: async () => context.edge(change(await request(), context.target.manifest)),
          judge: judgeRefusal(expected),
        },
      ];
    },
  };
}

const byEngine = (status: number, ...codes: string[]): Refusal => ({ status, codes, filter: 'http' });

const largeHeads: readonly Attack[] = [
  largeAttack(
    { id: 'bounds.header-bytes', title: 'header fields beyond the limit' },
    (request, { gateway }) => withFields(request, ['x-probe', 'a'.repeat(gateway.limits.headerBytes + 1024)]),
    byEngine(431, 'net.headers-too-large'),
  ),
  largeAttack(
    { id: 'bounds.header-count', title: 'more header fields than the limit' },
    (request, { gateway }) =>
      withFields(
        request,
        ...Array.from({ length: gateway.limits.headerCount + 5 }, (_, at) => [`x-${at}`, 'a'] as const),
      ),
    byEngine(431, 'net.headers-too-large'),
  ),
  largeAttack(
    { id: 'bounds.target', title: 'a request target of 30 kB' },
    (request) => ({ ...request, target: `${request.target}?${'a'.repeat(30_000)}` }),
    { status: [414, 431], codes: ['net.target-too-long', 'net.headers-too-large'], filter: 'http' },
  ),
];

function bodyAttack(
  facts: Pick<Attack, 'id' | 'title'>,
  enlarge: (request: RequestText, limit: number) => RequestText,
): Attack {
  return {
    ...facts,
    protection: 'http.body-limit',
    severity: 'high',
    standards: resources,
    plan: (context) => {
      const { write } = context.survey;
      if (write === undefined)
        return notApplicable('no operation that a probe may try takes a body', context.survey.faults.write);
      const subject = subjectFor(context, facts.id);
      const limit = write.place.route.bodyBytes ?? context.target.manifest.gateway.limits.bodyBytes;
      const large = async (): Promise<Buffer> =>
        formatRequest(enlarge(await rightful(context, write, subject), limit), context.target.edge.authority);
      return [
        {
          place: nameOf(write.place),
          control: () => askRightfully(context, write, subject),
          controlFault: faultOfSuccess,
          attack: async () => context.edgeBytes(await large(), { responses: 1 }),
          judge: judgeRefusal({
            status: 413,
            codes: ['gateway.body-too-large', 'net.body-too-large', 'openapi.body-too-large'],
            filter: ['body-limit', 'openapi', 'waf'],
          }),
        },
      ];
    },
  };
}

const largeBodies: readonly Attack[] = [
  bodyAttack({ id: 'bounds.body', title: 'a body beyond the limit, its length declared' }, (request, limit) => ({
    ...request,
    body: `${request.body?.slice(0, -1)}${' '.repeat(limit)}}`,
  })),
  bodyAttack({ id: 'bounds.chunked-body', title: 'a body beyond the limit, in chunks' }, (request, limit) => {
    const text = `${request.body?.slice(0, -1)}${' '.repeat(limit)}}`;
    return {
      ...withFields(request, ['transfer-encoding', 'chunked']),
      body: `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`,
    };
  }),
];

const slowHeaders: Attack = {
  id: 'bounds.slow-headers',
  title: 'a header section that never ends, a line at a time (Slowloris)',
  protection: 'http.header-time',
  severity: 'high',
  standards: ['CWE-400', 'OWASP API4:2023'],
  slow: true,
  plan: (context) => {
    const limitMs = context.target.manifest.gateway.limits.headerTimeout;
    if (limitMs > 30_000) return notApplicable(`the header time of ${limitMs / 1000} s is longer than a probe waits`);
    if (!hasPlainRequest(context))
      return notApplicable('no operation answers a simple GET', context.survey.faults.plain);
    const { authority } = context.target.edge;
    const everyMs = Math.max(100, Math.min(1000, limitMs / 5));
    const waitMs = limitMs + 3000;
    const pieces = Array.from({ length: Math.ceil(waitMs / everyMs) + 5 }, (_, at) => Buffer.from(`x-${at}: a\r\n`));
    return [
      {
        place: 'the public port',
        control: async () => context.edge((await plainRequest(context, 'bounds.slow-headers')) as RequestText),
        controlFault: faultOfSuccess,
        attack: () =>
          context.edgeBytes(Buffer.from(`GET / HTTP/1.1\r\nhost: ${authority}\r\n`), {
            timeoutMs: waitMs,
            pace: { pieces, everyMs },
          }),
        judge: (attack) => judgeSlow(attack, limitMs),
      },
    ];
  },
};

function judgeSlow(attack: Observation, limitMs: number): Judgement {
  const { transcript, status, code } = attack;
  if (wasLetThrough(attack)) return gotThrough(`answered with ${status}`);
  if (transcript?.connected !== true) return inconclusive('no connection could be made');
  if (!transcript.closed) return gotThrough(`the connection was still held after ${transcript.tookMs} ms`);
  if (transcript.tookMs < limitMs / 2) return inconclusive(`cut after ${transcript.tookMs} ms already`);
  return stopped(`cut after ${transcript.tookMs} ms${status === 0 ? '' : ` with ${status} ${code ?? ''}`}`);
}

const crossOrigin: Attack = {
  id: 'bounds.cross-origin',
  title: 'a page of another origin that reads answers through the browser (CORS)',
  severity: 'medium',
  standards: ['CWE-942', 'OWASP API8:2023'],
  plan: (context) => {
    const origin = 'https://attacker.invalid';
    const open = context.survey.reads.find(({ place: { route } }) => route.cors?.origins.includes('*') !== true);
    if (open === undefined)
      return notApplicable('every route that can be read is open to all origins', context.survey.faults.read);
    const subject = subjectFor(context, 'bounds.cross-origin');
    return [
      {
        place: nameOf(open.place),
        control: () => askRightfully(context, open, subject),
        controlFault: faultOfSuccess,
        attack: async () => context.edge(withFields(await rightful(context, open, subject), ['origin', origin])),
        judge: ({ transcript, status }) => {
          const allowed = transcript?.responses[0]?.fields.find(
            ([name]) => name === 'access-control-allow-origin',
          )?.[1];
          if (allowed === origin || allowed === '*') return gotThrough(`the browser is told to let ${allowed} read`);
          return status === 0
            ? inconclusive('no response came')
            : stopped('the answer does not let another origin read it');
        },
      },
    ];
  },
};

const deniedNetwork: Attack = {
  id: 'bounds.denied-network',
  title: 'a caller from a network that may not call',
  protection: 'ip.access',
  severity: 'high',
  standards: ['CWE-284', 'OWASP API8:2023'],
  plan: (context) => {
    const { edge, manifest } = context.target;
    const denied = manifest.gateway.ipDeny.find(
      (entry): entry is Network => 'address' in entry && entry.address.startsWith('127.'),
    );
    if (denied === undefined || !canBeSomebodyElse(context.target))
      return notApplicable('the manifest denies no network from which a probe could call');
    if (!hasPlainRequest(context))
      return notApplicable('no operation answers a simple GET', context.survey.faults.plain);
    const request = async (): Promise<RequestText> =>
      (await plainRequest(context, 'bounds.denied-network')) as RequestText;
    return [
      {
        place: `the public port, from ${denied.address}`,
        control: async () => context.edge(await request()),
        controlFault: faultOfSuccess,
        attack: async () =>
          context.edgeBytes(formatRequest(await request(), edge.authority), {
            route: { ...context.edgeRoute, from: denied.address },
            responses: 1,
          }),
        judge: judgeRefusal({ status: 403, codes: ['gateway.ip-denied'], filter: 'ip-access' }),
      },
    ];
  },
};

export const boundsAttacks: readonly Attack[] = [
  ...largeHeads,
  ...largeBodies,
  slowHeaders,
  crossOrigin,
  deniedNetwork,
];
