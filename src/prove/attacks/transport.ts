import type { ConnectionOptions } from 'node:tls';
import { type Attack, gotThrough, inconclusive, type Judgement, notApplicable, stopped } from '../attack.ts';
import { faultOfSuccess, wasLetThrough } from '../probes.ts';
import type { Observation } from '../wire/observation.ts';
import { formatRequest, type RequestText } from '../wire/request.ts';
import { hasPlainRequest, plainRequest } from './framing.ts';

interface TransportRow {
  readonly id: string;
  readonly title: string;
  readonly standards: readonly string[];
  /** Undefined: no TLS at all. */
  readonly tls: ConnectionOptions | undefined;
}

const rows: readonly TransportRow[] = [
  { id: 'tls.plaintext', title: 'a request in clear text', standards: ['CWE-319', 'OWASP API8:2023'], tls: undefined },
  {
    id: 'tls.version-1.0',
    title: 'TLS 1.0',
    standards: ['CWE-326', 'RFC 8996'],
    tls: { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' },
  },
  {
    id: 'tls.version-1.1',
    title: 'TLS 1.1',
    standards: ['CWE-326', 'RFC 8996'],
    tls: { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
  },
  {
    id: 'tls.anonymous',
    title: 'a key exchange without any certificate',
    standards: ['CWE-295', 'CWE-327'],
    tls: { maxVersion: 'TLSv1.2', ciphers: 'aNULL@SECLEVEL=0' },
  },
];

/** Nothing may be said at all: the connection ends before a request is answered. */
export function judgeNoTalk(attack: Observation): Judgement {
  if (wasLetThrough(attack)) return gotThrough(`answered with ${attack.status}`);
  const { transcript, status } = attack;
  if (status !== 0) return stopped(`refused with ${status}`);
  return transcript?.closed === true
    ? stopped(`the connection was refused${transcript.error === undefined ? '' : ` (${transcript.error})`}`)
    : inconclusive('the connection was left open without an answer');
}

export const transportAttacks: readonly Attack[] = rows.map(({ id, title, standards, tls }) => ({
  id,
  title,
  severity: 'high',
  standards,
  plan: (context) => {
    const { edgeRoute, target } = context;
    if (edgeRoute.tls === undefined) return notApplicable('the gateway listens without TLS by the manifest');
    if (!hasPlainRequest(context))
      return notApplicable('no operation answers a simple GET', context.survey.faults.plain);
    const { tls: ordinary, ...plain } = edgeRoute;
    const route = tls === undefined ? plain : { ...plain, tls: { ...ordinary, ...tls } };
    const request = async (): Promise<RequestText> => (await plainRequest(context, id)) as RequestText;
    return [
      {
        place: 'the public port',
        control: async () => context.edge(await request()),
        controlFault: faultOfSuccess,
        attack: async () =>
          context.edgeBytes(formatRequest({ ...(await request()), headers: [] }, target.edge.authority), {
            route,
            responses: 1,
            timeoutMs: 12_000,
          }),
        judge: judgeNoTalk,
      },
    ];
  },
}));
