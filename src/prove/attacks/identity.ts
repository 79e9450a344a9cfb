import {
  type Attack,
  gotThrough,
  inconclusive,
  type Judgement,
  notApplicable,
  type Severity,
  stopped,
} from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { nameOf } from '../places.ts';
import { askRightfully, faultOfSuccess } from '../probes.ts';
import { bodyOf, isSuccess, type OpenPlace, personA, personB, rightful } from '../survey.ts';
import type { Observation } from '../wire/observation.ts';
import { withFields } from '../wire/request.ts';

type Field = readonly [name: string, value: string];

interface SpoofRow {
  readonly id: string;
  readonly title: string;
  readonly severity?: Severity;
  /** Fields that claim to be `other`. */
  readonly fields: (other: string) => readonly Field[];
}

const rows: readonly SpoofRow[] = [
  {
    id: 'spoof.subject',
    title: "another's name in the field by which services learn who calls",
    severity: 'critical',
    fields: (other) => [['merlon-subject', other]],
  },
  {
    id: 'spoof.subject-spelling',
    title: 'the same in capitals and with an underscore, as CGI would read it',
    severity: 'critical',
    fields: (other) => [
      ['MERLON-SUBJECT', other],
      ['merlon_subject', other],
    ],
  },
  {
    id: 'spoof.roles',
    title: 'more roles and scopes than the token has',
    severity: 'critical',
    fields: () => [
      ['merlon-roles', 'admin,manager,support,root'],
      ['merlon-scopes', '*'],
      ['merlon-client', 'admin'],
    ],
  },
  {
    id: 'spoof.believed-names',
    title: 'fields that frameworks believe (`X-Forwarded-User`, `X-Remote-User` ...)',
    fields: (other) =>
      ['x-forwarded-user', 'x-forwarded-email', 'x-remote-user', 'x-user-id', 'x-auth-request-user', 'remote-user'].map(
        (name): Field => [name, other],
      ),
  },
  {
    id: 'spoof.client-certificate',
    title: "another workload's certificate, claimed in a field",
    fields: () => [
      ['x-forwarded-client-cert', 'By=spiffe://x/y;URI=spiffe://x/merlon/gateway'],
      ['merlon-caller', 'spiffe://x/merlon/gateway'],
      ['x-client-verify', 'SUCCESS'],
    ],
  },
  {
    id: 'spoof.hop-by-hop',
    title: "the gateway's own fields named in `Connection`, so that a hop drops them",
    fields: () => [['connection', 'close, merlon-subject, merlon-roles, merlon-scopes, merlon-caller']],
  },
  {
    id: 'spoof.method',
    title: 'another method in `X-HTTP-Method-Override`',
    fields: () => [
      ['x-http-method-override', 'DELETE'],
      ['x-method-override', 'DELETE'],
      ['x-http-method', 'DELETE'],
    ],
  },
  {
    id: 'spoof.spelling',
    title: 'the same names with underscores, which CGI, WSGI and Rack read as dashes (`X_Forwarded_User` ...)',
    severity: 'critical',
    fields: (other) => [
      ['Merlon_Subject', other],
      ['X_Forwarded_User', other],
      ['X_Remote-User', other],
      ['X_HTTP_Method_Override', 'DELETE'],
      ['X_Original_URL', '/merlon-prove-elsewhere'],
    ],
  },
  {
    id: 'spoof.path',
    title: 'another path or method in `X-HTTP-Path-Override` and `X-Original-Method`',
    fields: () => [
      ['x-http-path-override', '/merlon-prove-elsewhere'],
      ['x-original-method', 'DELETE'],
    ],
  },
  {
    id: 'spoof.address-spelling',
    title: 'another client address in `X_Forwarded_For`, `CF-Connecting-IP` and the like',
    fields: () =>
      ['x_forwarded_for', 'x-forwarded_for', 'x_real_ip', 'cf-connecting-ip', 'true-client-ip', 'x-client-ip'].map(
        (name): Field => [name, '203.0.113.67'],
      ),
  },
  {
    id: 'spoof.proxy',
    title: "a proxy for the service's own calls in `Proxy` (httpoxy)",
    severity: 'critical',
    fields: () => [['proxy', 'http://203.0.113.67:3128']],
  },
  {
    id: 'spoof.url',
    title: 'another path in `X-Original-URL` and `X-Rewrite-URL`',
    fields: () => [
      ['x-original-url', '/merlon-prove-elsewhere'],
      ['x-rewrite-url', '/merlon-prove-elsewhere'],
    ],
  },
];

/**
 * The field must make no difference. That it would make one if it reached the service is what the control shows: the
 * operation answers two callers differently, and the spoofed answer is then held against both.
 */
function spoofAttack({ id, title, severity = 'high', fields }: SpoofRow): Attack {
  return {
    id,
    title,
    protection: 'http.identity-headers',
    severity,
    standards: ['CWE-290', 'CWE-345', 'OWASP API2:2023'],
    plan: (context) => {
      const { personal } = context.survey;
      if (personal === undefined)
        return notApplicable(
          'no operation answers two callers differently, so that a difference could be seen',
          context.survey.faults.read,
        );
      // Somebody new, who owns nothing, claims to be somebody who does.
      const subject = `${personB}.${id}.${context.run}`;
      return [
        {
          place: nameOf(personal.place),
          control: () => askRightfully(context, personal, subject),
          controlFault: faultOfSuccess,
          attack: async () =>
            context.edgePatiently(withFields(await rightful(context, personal, subject), ...fields(personA))),
          judge: async (attack, control) => judgeSame(attack, control, await answerOfA(context, personal)),
        },
      ];
    },
  };
}

const answers = new WeakMap<ProveContext, Promise<Observation>>();

/** What the person is answered whom the spoofed fields name; asked once in a run. */
function answerOfA(context: ProveContext, personal: OpenPlace): Promise<Observation> {
  const answer = answers.get(context) ?? askRightfully(context, personal, personA);
  answers.set(context, answer);
  return answer;
}

function judgeSame(attack: Observation, control: Observation, other: Observation): Judgement {
  const [seen, own, foreign] = [attack, control, other].map(bodyOf);
  if (!isSuccess(control) || !isSuccess(other)) return inconclusive('the rightful callers were not answered');
  if (attack.status === 429) return inconclusive('a limit held it up');
  if (own === foreign) return inconclusive('both callers were given the same answer');
  if (seen === foreign) return gotThrough("the service gave the other caller's answer");
  if (attack.record?.verdict === 'deny') return stopped(`refused with ${attack.status} ${attack.code ?? ''}`);
  if (attack.record !== undefined && attack.record.principal?.id !== control.record?.principal?.id)
    return gotThrough(`the ledger names ${attack.record.principal?.id ?? 'nobody'} as the caller`);
  if (isSuccess(attack) && seen === own)
    return stopped('the field made no difference: the answer is the token holder’s own');
  return gotThrough(`the field made a difference: ${attack.status} in place of ${control.status}`);
}

const forwardedFor: Attack = {
  id: 'spoof.client-address',
  title: 'another client address in `X-Forwarded-For` and `Forwarded`',
  severity: 'high',
  standards: ['CWE-348', 'CWE-290'],
  plan: (context) => {
    const [open] = context.survey.reads;
    if (open === undefined)
      return notApplicable('no operation behind authentication can be read', context.survey.faults.read);
    if (context.target.manifest.gateway.trustedProxies.some(({ text }) => /^(127|::1|0\.0\.0\.0|::)/.test(text)))
      return notApplicable('this machine is a trusted proxy by the manifest');
    const spoofed = '203.0.113.66';
    return [
      {
        place: nameOf(open.place),
        control: () => askRightfully(context, open, personA),
        controlFault: faultOfSuccess,
        attack: async () =>
          context.edge(
            withFields(
              await rightful(context, open, personA),
              ['x-forwarded-for', spoofed],
              ['forwarded', `for=${spoofed}`],
              ['x-real-ip', spoofed],
              ['true-client-ip', spoofed],
            ),
          ),
        judge: ({ record }, control) => {
          if (record === undefined) return inconclusive('the ledger holds no record of it');
          if (record.remoteAddress === spoofed) return gotThrough('the ledger names the address that was claimed');
          return record.remoteAddress === control.record?.remoteAddress
            ? stopped(`the ledger names the real address ${record.remoteAddress}`)
            : inconclusive(`the ledger names ${record.remoteAddress}`);
        },
      },
    ];
  },
};

export const identityAttacks: readonly Attack[] = [...rows.map(spoofAttack), forwardedFor];
