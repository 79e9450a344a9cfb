import { styleSheet, styleSource } from './style.ts';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text that is safe as content and as a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${styleSheet}</style>
</head>
<body><main>
<h1>${escapeHtml(title)}</h1>
${body}
</main></body>
</html>
`;
}

export interface LoginPage {
  readonly action: string;
  /** The client for which the user logs in. */
  readonly client: string;
  readonly username: string;
  /** Why the last try failed. */
  readonly problem?: string;
}

/** The form for name and password. */
export function loginPage({ action, client, username, problem }: LoginPage): string {
  const focus = (field: string): string => ((username === '') === (field === 'username') ? ' autofocus' : '');
  const alert = problem === undefined ? '' : `<p role="alert" id="problem">${escapeHtml(problem)}</p>\n`;
  const described = problem === undefined ? '' : ' aria-describedby="problem" aria-invalid="true"';
  return page(
    'Sign in',
    `<p>to continue to <strong>${escapeHtml(client)}</strong></p>
${alert}<form method="post" action="${escapeHtml(action)}">
<label for="username">User name</label>
<input id="username" name="username" value="${escapeHtml(username)}" maxlength="64" autocomplete="username" autocapitalize="none" spellcheck="false" required${described}${focus('username')}>
<label for="password">Password</label>
<input id="password" name="password" type="password" maxlength="1024" autocomplete="current-password" required${described}${focus('password')}>
<button type="submit" name="decision" value="login">Sign in</button>
<button type="submit" name="decision" value="cancel" formnovalidate>Cancel</button>
</form>`,
  );
}

/** Asks before the session ends. `form` is the library's own, with its token against forgery. */
export function logoutPage(form: string): string {
  return page(
    'Sign out?',
    `<p>This ends your session here and for the applications that you use through it.</p>
${form}
<button type="submit" form="op.logoutForm" value="yes" name="logout" autofocus>Sign out</button>
<button type="submit" form="op.logoutForm">Stay signed in</button>`,
  );
}

/** The session is over. */
export function signedOutPage(): string {
  return page('Signed out', '<p>You can close this page.</p>');
}

/** A failure that cannot be sent back to the client. */
export function errorPage(facts: Readonly<Record<string, unknown>>): string {
  const rows = Object.entries(facts).filter(([, value]) => typeof value === 'string');
  const list = rows
    .map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(String(value))}</dd>`)
    .join('\n');
  return page('This did not work', `<p>Go back to the application and try again.</p>\n<dl>${list}</dl>`);
}

/**
 * The policy of every page: nothing is loaded, no script runs (but the library's own one-line form submission, by its
 * digest), nobody frames it. A browser holds redirects after a form to `form-action` too, so it names where the flow may end.
 */
export function contentSecurityPolicy(formTargets: readonly string[] = []): string {
  const targets = ["'self'", ...formTargets].join(' ');
  return `default-src 'none'; style-src ${styleSource}; script-src 'none'; form-action ${targets}; base-uri 'none'; frame-ancestors 'none'`;
}

/** What `form-action` must name so that the flow can end at `uri`: an origin, or the scheme of a native application. */
export function formTarget(uri: string): string | undefined {
  const url = URL.parse(uri);
  if (url === null) return undefined;
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.origin : url.protocol;
}
