import { type Attack, gotThrough, inconclusive, type Judgement, notApplicable, stopped } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { canBeSomebodyElse } from '../survey.ts';
import type { Route } from '../wire/exchange.ts';
import type { Observation } from '../wire/observation.ts';
import { formatRequest, type RequestText } from '../wire/request.ts';
import { fieldOf } from '../wire/response.ts';
import { authorization, beginsLogin, type Client, clientOf } from './provider.ts';

/** More than an account has free, and less than an address has: whoever proves from here is not kept out after. */
const guesses = 9;

/** A loopback address of the probe's own. */
const ownAddress = '127.66.0.67';

function routeOf({ target, edgeRoute }: ProveContext): Route {
  return canBeSomebodyElse(target) ? { ...edgeRoute, from: ownAddress } : edgeRoute;
}

async function send(context: ProveContext, request: RequestText): Promise<Observation> {
  const bytes = formatRequest(request, context.target.edge.authority);
  return context.send(routeOf(context), bytes, { responses: 1 });
}

/** One attempt on the login page, as a browser makes it. */
async function guess(context: ProveContext, client: Client, attempt: number): Promise<Observation> {
  const begun = await send(context, authorization(client));
  if (!beginsLogin(begun)) return begun;
  const [first] = begun.transcript?.responses ?? [];
  const location = new URL(fieldOf(first, 'location') ?? '/', context.target.manifest.gateway.publicUrl);
  const cookies = (first?.fields ?? [])
    .filter(([name]) => name === 'set-cookie')
    .map(([, value]) => value.split(';')[0]);
  return send(context, {
    method: 'POST',
    target: location.pathname,
    headers: [
      ['cookie', cookies.join('; ')],
      ['origin', context.target.manifest.gateway.publicUrl],
      ['content-type', 'application/x-www-form-urlencoded'],
    ],
    // Nobody has this name, so nobody is kept out.
    body: new URLSearchParams({ username: `merlon-prove-${context.run}`, password: `guess-${attempt}` }).toString(),
  });
}

function judgeGuessing(last: Observation): Judgement {
  const { status, transcript } = last;
  if (status === 429) {
    const wait = fieldOf(transcript?.responses[0], 'retry-after');
    return wait === undefined
      ? inconclusive('slowed down, but without `Retry-After`')
      : stopped(`slowed down: the next attempt after ${wait} s`);
  }
  return status === 403
    ? gotThrough(`${guesses} passwords of one account were tried in a row`)
    : inconclusive(`answered with ${status}`);
}

/** Passwords tried one after the other. */
export const guessingAttack: Attack = {
  id: 'signin.guessing',
  title: 'one password after the other, for one account',
  protection: 'login.throttle',
  severity: 'high',
  standards: ['CWE-307', 'OWASP API2:2023'],
  plan: (context) => {
    const client = clientOf(context);
    if (client === undefined) return notApplicable('no client of the embedded issuer signs users in');
    return [
      {
        place: `login page, client ${client.id}`,
        control: () => context.edge(authorization(client)),
        controlFault: (control) => (beginsLogin(control) ? undefined : `the sign-in does not begin: ${control.status}`),
        attack: async () => {
          let last = await guess(context, client, 0);
          for (let attempt = 1; attempt < guesses && last.status === 403; attempt++)
            last = await guess(context, client, attempt);
          return last;
        },
        judge: judgeGuessing,
      },
    ];
  },
};
