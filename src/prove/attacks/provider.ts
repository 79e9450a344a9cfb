import { type Attack, gotThrough, inconclusive, type Judgement, notApplicable, stopped } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import type { Observation } from '../wire/observation.ts';
import type { RequestText } from '../wire/request.ts';
import { fieldOf } from '../wire/response.ts';

export interface Client {
  readonly id: string;
  readonly redirectUri: string;
}

/** A client that signs users in. */
export function clientOf({ target: { manifest } }: ProveContext): Client | undefined {
  if (!manifest.issuers.includes('embedded')) return undefined;
  for (const [id, { redirectUris, grants }] of Object.entries(manifest.clients)) {
    const [redirectUri] = redirectUris;
    if (redirectUri !== undefined && grants.includes('authorization_code')) return { id, redirectUri };
  }
  return undefined;
}

const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

/** The request with which a sign-in begins, changed by the attack. */
export function authorization(
  { id, redirectUri }: Client,
  change: Readonly<Record<string, string | undefined>> = {},
): RequestText {
  const params = {
    client_id: id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid',
    state: 'merlon-prove',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...change,
  };
  const query = new URLSearchParams(
    Object.entries(params).filter((each): each is [string, string] => each[1] !== undefined),
  );
  return { method: 'GET', target: `/oidc/authorize?${query}`, headers: [] };
}

/** Signing in has begun: the answer leads to the page that asks for a password. */
export function beginsLogin({ status, transcript }: Observation): boolean {
  const location = fieldOf(transcript?.responses[0], 'location') ?? '';
  return status >= 300 && status < 400 && !location.includes('error=') && location.includes('/oidc/');
}

function judgeAuthorization(attack: Observation): Judgement {
  if (beginsLogin(attack)) return gotThrough('the sign-in was begun');
  const location = fieldOf(attack.transcript?.responses[0], 'location');
  if (location?.startsWith('https://attacker.invalid') === true)
    return gotThrough(`the browser is sent to ${location}`);
  if (attack.status >= 400 && attack.status < 500) return stopped(`refused with ${attack.status}`);
  const error = /[?&#]error=([a-z_]{1,60})/.exec(location ?? '')?.[1];
  return error === undefined ? inconclusive(`answered with ${attack.status}`) : stopped(`refused with \`${error}\``);
}

const oauth = 'RFC 9700';

function authorizationAttack(
  facts: Pick<Attack, 'id' | 'title' | 'severity' | 'standards'>,
  change: (client: Client) => Readonly<Record<string, string | undefined>>,
): Attack {
  return {
    ...facts,
    plan: (context) => {
      const client = clientOf(context);
      if (client === undefined) return notApplicable('no client of the embedded issuer signs users in');
      return [
        {
          place: `authorization endpoint, client ${client.id}`,
          control: () => context.edge(authorization(client)),
          controlFault: (control) =>
            beginsLogin(control) ? undefined : `the sign-in does not begin: ${control.status}`,
          attack: () => context.edge(authorization(client, change(client))),
          judge: judgeAuthorization,
        },
      ];
    },
  };
}

function tokenRequest(form: Readonly<Record<string, string>>): RequestText {
  return {
    method: 'POST',
    target: '/oidc/token',
    headers: [['content-type', 'application/x-www-form-urlencoded']],
    body: new URLSearchParams(form).toString(),
  };
}

function grantAttack(
  facts: Pick<Attack, 'id' | 'title' | 'severity' | 'standards'>,
  form: (client: Client, context: ProveContext) => Readonly<Record<string, string>> | undefined,
): Attack {
  return {
    ...facts,
    plan: (context) => {
      const client = clientOf(context);
      const fields = client === undefined ? undefined : form(client, context);
      if (client === undefined || fields === undefined) return notApplicable('no client of the embedded issuer for it');
      return [
        {
          place: 'token endpoint',
          // Whoever comes with a code that was never issued is told so: the endpoint is there and judges grants.
          control: () => context.edge(authorization(client)),
          controlFault: (control) =>
            beginsLogin(control) ? undefined : `the issuer does not answer: ${control.status}`,
          attack: () => context.edge(tokenRequest(fields)),
          judge: judgeGrant,
        },
      ];
    },
  };
}

function judgeGrant({ status, transcript }: Observation): Judgement {
  const body = transcript?.responses[0]?.body ?? '';
  if (body.includes('access_token')) return gotThrough('a token was issued');
  const error = /"error":"([a-z_]{1,60})"/.exec(body)?.[1];
  return (status === 400 || status === 401) && error !== undefined
    ? stopped(`refused with ${status} \`${error}\``)
    : inconclusive(`answered with ${status}`);
}

export const providerAttacks: readonly Attack[] = [
  authorizationAttack(
    {
      id: 'signin.redirect',
      title: "the code sent to the attacker's address",
      severity: 'critical',
      standards: ['CWE-601', oauth],
    },
    () => ({ redirect_uri: 'https://attacker.invalid/callback' }),
  ),
  authorizationAttack(
    {
      id: 'signin.redirect-suffix',
      title: 'a redirect address that only begins like the registered one',
      severity: 'high',
      standards: ['CWE-601', oauth],
    },
    ({ redirectUri }) => ({ redirect_uri: redirectUri.replace(/^(\w+:\/\/[^/]+)/, '$1.attacker.invalid') }),
  ),
  authorizationAttack(
    {
      id: 'signin.no-pkce',
      title: 'a sign-in without PKCE, so that a stolen code can be used',
      severity: 'high',
      standards: ['CWE-345', 'RFC 7636', oauth],
    },
    () => ({ code_challenge: undefined, code_challenge_method: undefined }),
  ),
  authorizationAttack(
    {
      id: 'signin.plain-pkce',
      title: 'PKCE with the challenge in clear (`plain`)',
      severity: 'medium',
      standards: ['RFC 7636', oauth],
    },
    () => ({ code_challenge_method: 'plain' }),
  ),
  authorizationAttack(
    {
      id: 'signin.implicit',
      title: 'tokens in the address bar (implicit grant)',
      severity: 'high',
      standards: ['CWE-598', oauth],
    },
    () => ({ response_type: 'token' }),
  ),
  authorizationAttack(
    {
      id: 'signin.unknown-client',
      title: 'a client that nobody registered',
      severity: 'medium',
      standards: ['CWE-287', oauth],
    },
    () => ({ client_id: 'merlon-prove-unknown' }),
  ),
  grantAttack(
    {
      id: 'signin.password-grant',
      title: 'a password sent to the token endpoint',
      severity: 'medium',
      standards: ['CWE-522', oauth],
    },
    ({ id }) => ({ grant_type: 'password', client_id: id, username: 'merlon-prove-a', password: 'merlon-prove' }),
  ),
  grantAttack(
    {
      id: 'signin.invented-code',
      title: 'a code that was never issued',
      severity: 'high',
      standards: ['CWE-287', oauth],
    },
    ({ id, redirectUri }) => ({
      grant_type: 'authorization_code',
      client_id: id,
      redirect_uri: redirectUri,
      code: 'merlon-prove-code',
      code_verifier: 'a'.repeat(43),
    }),
  ),
  grantAttack(
    {
      id: 'signin.client-secret',
      title: 'a confidential client with a secret that was guessed',
      severity: 'critical',
      standards: ['CWE-287', 'OWASP API2:2023'],
    },
    (_, { target: { manifest } }) => {
      const found = Object.entries(manifest.clients).find(
        ([, { type, grants }]) => type === 'confidential' && grants.includes('client_credentials'),
      );
      return found && { grant_type: 'client_credentials', client_id: found[0], client_secret: 'merlon-prove-guess' };
    },
  ),
];
