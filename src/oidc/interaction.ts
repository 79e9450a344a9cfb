import type { EmitEvent } from '../api/record.ts';
import { hasCode } from '../core/errors.ts';
import { type Accounts, foldUserName, isUserName, type User } from './accounts.ts';
import { contentSecurityPolicy, errorPage, formTarget, loginPage } from './pages.ts';
import type { LoginAttempt, LoginThrottle } from './ports.ts';
import type { Context, Interaction, InteractionResult, Provider } from './provider-types.ts';

export interface InteractionOptions {
  /** Origin of the issuer: the only one from which the form may be sent. */
  readonly origin: string;
  /** Path of the issuer, before `/interaction/`. */
  readonly mountPath: string;
  readonly accounts: Accounts;
  readonly throttle: LoginThrottle;
  readonly emit: EmitEvent;
  readonly addressOf: (context: Context) => string;
}

const route = /^\/interaction\/([A-Za-z0-9_-]{16,64})$/;
const maxFormBytes = 8192;

/** Path of the page for the login `uid`, below the issuer's. */
export function interactionPath(uid: string): string {
  return `/interaction/${uid}`;
}

/**
 * The login page. The interaction is found by a signed cookie whose path is this very page and whose id must be the
 * one in the path, and the form is taken from our own origin alone; so nobody can log a stranger's browser in.
 */
export function createInteractionRoute(
  options: InteractionOptions,
): (provider: Provider, context: Context) => Promise<boolean> {
  return async (provider, context) => {
    const uid = route.exec(context.path)?.[1];
    if (uid === undefined) return false;
    context.set('Cache-Control', 'no-store');
    const interaction = await findInteraction(provider, context, uid);
    if (interaction === undefined)
      await refuse(context, 400, 'this login has expired, or was begun in another browser');
    else if (context.method === 'GET') await present(provider, context, interaction, options);
    else if (context.method !== 'POST') await refuse(context, 405, 'this page takes GET and POST');
    else if (!isOwnForm(context, options.origin)) await refuse(context, 403, 'the form was not sent from this page');
    else await submit(provider, context, interaction, options);
    return true;
  };
}

async function findInteraction(
  provider: Provider,
  { req, res }: Context,
  uid: string,
): Promise<Interaction | undefined> {
  try {
    const interaction = await provider.interactionDetails(req, res);
    return interaction.uid === uid ? interaction : undefined;
  } catch (error) {
    if ((error as Error).name === 'SessionNotFound') return undefined;
    throw error;
  }
}

/** Every current browser says where a form comes from (Fetch standard, section 3.2); what says nothing is no browser. */
function isOwnForm(context: Context, origin: string): boolean {
  const [from, site] = [context.get('Origin'), context.get('Sec-Fetch-Site')];
  return (from === '' || from === origin) && (site === '' || site === 'same-origin');
}

async function present(
  provider: Provider,
  context: Context,
  interaction: Interaction,
  options: InteractionOptions,
): Promise<void> {
  // All clients are the operator's own: what a user's roles allow is consented to by logging in.
  if (interaction.prompt.name === 'consent') await finish(provider, context, { consent: {} }, true);
  else showForm(context, interaction, options, interaction.params.login_hint ?? '');
}

function showForm(
  context: Context,
  interaction: Interaction,
  { mountPath }: InteractionOptions,
  username: string,
  problem?: string,
): void {
  const { client_id: client = '', redirect_uri: redirectUri = '' } = interaction.params;
  const target = formTarget(redirectUri);
  context.type = 'html';
  context.set('Content-Security-Policy', contentSecurityPolicy(target === undefined ? [] : [target]));
  const action = mountPath + interactionPath(interaction.uid);
  context.body = loginPage({
    action,
    client,
    username: username.slice(0, 64),
    ...(problem !== undefined && { problem }),
  });
}

async function submit(
  provider: Provider,
  context: Context,
  interaction: Interaction,
  options: InteractionOptions,
): Promise<void> {
  const form = await readForm(context);
  if (form === undefined) return refuse(context, 400, 'the form is too long or not a form');
  if (form.get('decision') === 'cancel') {
    const result = { error: 'access_denied', error_description: 'the user cancelled the login' };
    return finish(provider, context, result, false);
  }
  const attempt = { username: foldUserName(form.get('username') ?? ''), address: options.addressOf(context) };
  const verdict = await options.throttle.take(attempt);
  if (!verdict.allowed) {
    context.status = 429;
    context.set('Retry-After', String(verdict.retryAfterSeconds));
    report(options, attempt, interaction, 'throttled');
    return showForm(context, interaction, options, attempt.username, 'Too many attempts. Wait a little and try again.');
  }
  const user = await verify(context, options.accounts, attempt.username, form.get('password') ?? '');
  if (user === 'busy') {
    // Whoever keeps us busy must not make the owner's attempts count as failed.
    options.throttle.undo(attempt);
    return showForm(context, interaction, options, attempt.username, 'The server is busy. Try again in a few seconds.');
  }
  if (user === undefined) {
    context.status = 403;
    report(options, attempt, interaction, 'refused');
    return showForm(context, interaction, options, attempt.username, 'The user name or the password is not right.');
  }
  options.throttle.forgive(attempt);
  report(options, attempt, interaction, undefined);
  return finish(provider, context, { login: { accountId: user.name, amr: ['pwd'], remember: true } }, false);
}

async function verify(
  context: Context,
  accounts: Accounts,
  username: string,
  password: string,
): Promise<User | 'busy' | undefined> {
  try {
    return await accounts.verify(username, password);
  } catch (error) {
    if (!hasCode(error, 'oidc.busy')) throw error;
    context.status = 503;
    context.set('Retry-After', '5');
    return 'busy';
  }
}

async function finish(provider: Provider, context: Context, result: InteractionResult, merge: boolean): Promise<void> {
  const returnTo = await provider.interactionResult(context.req, context.res, result, {
    mergeWithLastSubmission: merge,
  });
  context.redirect(returnTo);
  context.status = 303;
}

/** The form's fields; undefined where the body is none or too long. */
async function readForm(context: Context): Promise<URLSearchParams | undefined> {
  if (!context.get('Content-Type').toLowerCase().startsWith('application/x-www-form-urlencoded')) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of context.req as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxFormBytes) return undefined;
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

async function refuse(context: Context, status: number, problem: string): Promise<void> {
  context.status = status;
  context.type = 'html';
  context.set('Content-Security-Policy', contentSecurityPolicy());
  context.body = errorPage({ problem });
}

function report(
  { emit }: InteractionOptions,
  { username, address }: LoginAttempt,
  { params }: Interaction,
  failure: string | undefined,
): void {
  const client = params.client_id;
  emit({
    // What is no user name may be a password that was typed into the wrong field.
    actor: {
      kind: 'user',
      id: isUserName(username) ? username : '(not a user name)',
      ...(client !== undefined && { client }),
    },
    action: 'user.login',
    target: client ?? '',
    outcome: failure === undefined ? 'success' : 'failure',
    detail: { address, ...(failure !== undefined && { failure }) },
  });
}
