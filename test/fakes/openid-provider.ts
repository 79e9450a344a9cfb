import { hash } from 'node:crypto';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DeclaredIdentities } from '../../src/api/oidc.ts';
import type { EmitEvent } from '../../src/api/record.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import {
  type Accounts,
  createAccounts,
  createOpenIdProvider,
  type Fetch,
  type LoginThrottle,
  type OpenIdProvider,
  syncDeclared,
} from '../../src/oidc/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { MemoryStore } from './store.ts';

export const issuer = 'https://shop.example/oidc';
export const audience = 'https://api.shop.example';
export const callback = 'https://app.shop.example/callback';

export const identities: DeclaredIdentities = {
  roles: {
    customer: { scopes: ['orders:read', 'orders:write'] },
    auditor: { scopes: ['orders:read'] },
  },
  users: {
    alice: { roles: ['customer'], name: 'Alice <b>Liddell</b>', email: 'alice@shop.example' },
    bob: { roles: ['auditor'] },
  },
  clients: {
    web: {
      type: 'public',
      redirectUris: [callback],
      postLogoutRedirectUris: ['https://app.shop.example/bye'],
      grants: ['authorization_code', 'refresh_token'],
      scopes: ['orders:read', 'orders:write'],
      roles: [],
    },
    narrow: {
      type: 'public',
      redirectUris: [callback],
      grants: ['authorization_code'],
      scopes: ['orders:read'],
      roles: [],
    },
    cli: {
      type: 'public',
      redirectUris: ['http://127.0.0.1/callback'],
      grants: ['authorization_code', 'refresh_token'],
      scopes: ['orders:read'],
      roles: [],
    },
    robot: {
      type: 'confidential',
      redirectUris: [],
      grants: ['client_credentials'],
      scopes: ['orders:read'],
      roles: ['auditor'],
    },
  },
};

/** A provider behind a real server, with everything that a test may want to look at. */
export interface Rig {
  readonly provider: OpenIdProvider;
  readonly accounts: Accounts;
  readonly store: Store;
  readonly passwords: ReadonlyMap<string, string>;
  readonly clientSecrets: ReadonlyMap<string, string>;
  readonly events: Parameters<EmitEvent>[0][];
  /** Leads to the provider whatever host the URL names, as the gateway would. */
  readonly fetch: Fetch;
  /** Takes the provider down and starts another one on the same store. */
  restart(): Promise<Rig>;
  stop(): Promise<void>;
}

/** Lets every login be tried. */
export const freeThrottle: LoginThrottle = {
  take: () => ({ allowed: true }),
  forgive: () => undefined,
  undo: () => undefined,
};

export interface RigOptions {
  readonly store?: Store;
  readonly throttle?: LoginThrottle;
  readonly lifetimes?: Parameters<typeof createOpenIdProvider>[0]['lifetimes'];
  readonly declared?: DeclaredIdentities;
}

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const { store = new MemoryStore(), throttle = freeThrottle, declared = identities } = options;
  const events: Rig['events'] = [];
  const emit: EmitEvent = (event) => void events.push(event);
  const clock = systemClock;
  const accounts = createAccounts({ store, clock, emit });
  const { passwords, clientSecrets } = await syncDeclared(declared, { accounts, store, clock, emit });
  const provider = await createOpenIdProvider({
    ...{ issuer, store, clock, accounts, throttle, emit, audience },
    logger: silentLogger,
    roles: declared.roles,
    scopes: ['orders:read', 'orders:write', 'orders:delete'],
    trustProxyHeaders: true,
    ...(options.lifetimes && { lifetimes: options.lifetimes }),
  });
  const server = createServer(provider.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async (): Promise<void> => {
    await provider.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    ...{ provider, accounts, store, passwords, clientSecrets, events, stop },
    fetch: createFetch(server),
    async restart() {
      await stop();
      return startRig({ ...options, store });
    },
  };
}

function createFetch(server: Server): Fetch {
  const { port } = server.address() as AddressInfo;
  return (url, { method, headers, body }) =>
    new Promise((resolve, reject) => {
      const { pathname, search, host } = new URL(url);
      const sent = httpRequest(
        {
          port,
          host: '127.0.0.1',
          path: pathname + search,
          method,
          headers: { host, 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9', ...headers },
        },
        async (response) => {
          const chunks: Buffer[] = [];
          for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
          const text = Buffer.concat(chunks).toString('utf8');
          const fields = response.headers;
          resolve({
            status: response.statusCode ?? 0,
            headers: {
              get: (name) => fields[name.toLowerCase()]?.toString() ?? null,
              getSetCookie: () => fields['set-cookie'] ?? [],
            },
            text: async () => text,
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
}

interface Cookie {
  readonly value: string;
  readonly path: string;
  /** The whole `Set-Cookie` line. */
  readonly line: string;
}

/** A response as the browser saw it. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly header: (name: string) => string | null;
  readonly text: string;
}

/** A browser without a screen: it keeps cookies by path and follows a redirect when told to. */
export class Browser {
  readonly cookies = new Map<string, Cookie>();
  readonly #fetch: Fetch;

  constructor(fetch: Fetch) {
    this.#fetch = fetch;
  }

  async visit(url: string, form?: Record<string, string>, headers: Record<string, string> = {}): Promise<Page> {
    const { pathname, origin } = new URL(url);
    const sent = [...this.cookies].filter(
      ([, { path }]) => pathname === path || pathname.startsWith(path.replace(/\/?$/, '/')),
    );
    const response = await this.#fetch(url, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        cookie: sent.map(([name, { value }]) => `${name}=${value}`).join('; '),
        ...(form && { 'content-type': 'application/x-www-form-urlencoded', origin, 'sec-fetch-site': 'same-origin' }),
        ...headers,
      },
      ...(form && { body: new URLSearchParams(form).toString() }),
    });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return { url, status: response.status, header: (name) => response.headers.get(name), text: await response.text() };
  }

  /** Goes where `page` redirects to. */
  follow(page: Page): Promise<Page> {
    return this.visit(new URL(page.header('location') ?? '', page.url).href);
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    const path = /;\s*path=([^;]+)/i.exec(line)?.[1] ?? '/';
    if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) this.cookies.delete(name);
    else this.cookies.set(name, { value, path, line });
  }
}

export const verifier = 'v'.repeat(64);

/** The URL that begins a login for the client `web`. */
export function authorizationUrl(changes: Record<string, string | undefined> = {}): string {
  const fields = {
    client_id: 'web',
    response_type: 'code',
    redirect_uri: callback,
    scope: 'openid orders:read',
    state: 's-1',
    code_challenge: hash('sha256', verifier, 'base64url'),
    code_challenge_method: 'S256',
    ...changes,
  };
  return `${issuer}/authorize?${new URLSearchParams(Object.entries(fields).filter((pair): pair is [string, string] => pair[1] !== undefined))}`;
}
