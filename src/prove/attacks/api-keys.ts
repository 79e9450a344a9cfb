import type { Attack } from '../attack.ts';
import { notApplicable } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { nameOf } from '../places.ts';
import { faultOfSuccess, judgeRefusal, subjectFor, withToken } from '../probes.ts';
import { type OpenPlace, rightful } from '../survey.ts';
import { type RequestText, withFields } from '../wire/request.ts';

interface KeyRow {
  readonly id: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly standards: readonly string[];
  /** The request of the attacker, who has (or had) `key`. */
  readonly attack: (keys: Keys) => RequestText | Promise<RequestText>;
}

/** What an attack has to play with. */
interface Keys {
  /** The request without a credential. */
  readonly bare: RequestText;
  readonly key: string;
  readonly header: string;
  /** A key that has been revoked since. */
  readonly revoked: () => Promise<string>;
}

const broken = 'OWASP API2:2023';

const rows: readonly KeyRow[] = [
  {
    id: 'apikey.other-secret',
    title: 'the name of a key that there is, with a made-up secret',
    status: 401,
    code: 'authn.api-key',
    standards: ['CWE-287', 'CWE-208', broken],
    attack: ({ bare, key, header }) => withFields(bare, [header, key.slice(0, -43) + 'A'.repeat(43)]),
  },
  {
    id: 'apikey.revoked',
    title: 'a key that was revoked a moment ago',
    status: 401,
    code: 'authn.api-key',
    standards: ['CWE-613', broken],
    attack: async ({ bare, header, revoked }) => withFields(bare, [header, await revoked()]),
  },
  {
    id: 'apikey.in-query',
    title: 'a valid key in the query, where logs and histories keep it',
    status: 400,
    code: 'authn.api-key-in-query',
    standards: ['CWE-598', broken],
    attack: ({ bare, key }) => ({
      ...bare,
      target: `${bare.target}${bare.target.includes('?') ? '&' : '?'}api_key=${key}`,
    }),
  },
];

/** A read that takes any credential, and that is not for its owner alone: a key owns nothing. */
function placeOf({ survey }: ProveContext): OpenPlace | undefined {
  return survey.reads.find(({ place: { route } }) => route.auth === 'required' && route.owner === undefined);
}

async function mint(context: ProveContext, { roles, scopes }: OpenPlace, revoked: boolean): Promise<string> {
  const { token = '' } = await context.mint({ kind: 'api-key', roles: [...roles], scopes: [...scopes], revoked });
  return token;
}

function keyAttack(row: KeyRow): Attack {
  return {
    id: row.id,
    title: row.title,
    protection: 'authn.api-key',
    severity: 'critical',
    standards: row.standards,
    plan: (context) => {
      const open = placeOf(context);
      if (open === undefined)
        return notApplicable('no route that can be read takes an API key', context.survey.faults.read);
      const { header } = context.target.manifest.gateway.apiKeys;
      let key: Promise<string> | undefined;
      const keyed = (): Promise<string> => (key ??= mint(context, open, false));
      const bareRequest = async (): Promise<RequestText> =>
        withToken(await rightful(context, open, subjectFor(context, row.id)), undefined);
      return [
        {
          place: nameOf(open.place),
          control: async () => context.edgePatiently(withFields(await bareRequest(), [header, await keyed()])),
          controlFault: faultOfSuccess,
          attack: async () => {
            const keys = { bare: await bareRequest(), key: await keyed(), header };
            return context.edge(await row.attack({ ...keys, revoked: () => mint(context, open, true) }));
          },
          judge: judgeRefusal({ status: row.status, codes: [row.code], filter: 'authn' }),
        },
      ];
    },
  };
}

/** API keys that must not open anything. */
export const apiKeyAttacks: readonly Attack[] = rows.map(keyAttack);
