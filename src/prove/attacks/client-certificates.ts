import { type Attack, notApplicable } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import type { KeyPairPem } from '../ports.ts';
import { faultOfSuccess } from '../probes.ts';
import { formatRequest, type RequestText } from '../wire/request.ts';
import { credentialsOf } from '../wire/wire.ts';
import { hasPlainRequest, plainRequest } from './framing.ts';
import { judgeNoTalk } from './transport.ts';

interface CertificateRow {
  readonly id: string;
  readonly title: string;
  readonly standards: readonly string[];
  /** What the attacker shows: `none`, a certificate, or the reason why it cannot be tried here. */
  readonly show: (context: ProveContext) => 'none' | KeyPairPem | { readonly not: string };
}

const rows: readonly CertificateRow[] = [
  {
    id: 'tls.no-client-certificate',
    title: 'a connection without a client certificate',
    standards: ['CWE-306', 'OWASP API2:2023'],
    show: ({ target }) =>
      target.manifest.gateway.clientCertificates?.mode === 'required'
        ? 'none'
        : { not: 'a caller needs no certificate by the manifest' },
  },
  {
    id: 'tls.foreign-client-certificate',
    title: 'a client certificate of another authority',
    standards: ['CWE-295', 'OWASP API2:2023'],
    show: ({ target }) => target.forgeSvid(`spiffe://${target.manifest.trustDomain}/merlon-prove`),
  },
  {
    id: 'tls.expired-client-certificate',
    title: 'a client certificate whose time is over',
    standards: ['CWE-298', 'OWASP API2:2023'],
    show: ({ target }) =>
      target.edge.tls?.expiredClient ?? { not: 'there is no expired certificate to show: `--expired-certificate`' },
  },
];

export const clientCertificateAttacks: readonly Attack[] = rows.map(({ id, title, standards, show }) => ({
  id,
  title,
  protection: 'tls.client-certificate',
  severity: 'critical',
  standards,
  plan: (context) => {
    const { edgeRoute, target } = context;
    if (edgeRoute.tls === undefined || target.manifest.gateway.clientCertificates === undefined)
      return notApplicable('the gateway asks callers for no certificate by the manifest');
    const shown = show(context);
    if (shown !== 'none' && 'not' in shown) return notApplicable(shown.not);
    if (!hasPlainRequest(context))
      return notApplicable('no operation answers a simple GET', context.survey.faults.plain);
    const { cert: _cert, key: _key, ...bare } = edgeRoute.tls;
    const route = { ...edgeRoute, tls: { ...bare, ...credentialsOf(shown === 'none' ? undefined : shown) } };
    const request = async (): Promise<RequestText> => (await plainRequest(context, id)) as RequestText;
    return [
      {
        place: 'the public port',
        control: async () => context.edge(await request()),
        controlFault: faultOfSuccess,
        attack: async () =>
          context.edgeBytes(formatRequest(await request(), target.edge.authority), { route, responses: 1 }),
        judge: judgeNoTalk,
      },
    ];
  },
}));
