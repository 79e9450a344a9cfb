import { createHmac, createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, FlattenedSign, type JWK } from 'jose';
import { encodeBase64Url } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { AcmeError, type AcmeProblem, saidBy } from './errors.ts';
import type { AcmeFetch, AcmeHttpRequest, AcmeHttpResponse } from './ports.ts';

/** What a certificate authority offers, and where (RFC 8555, section 7.1.1; RFC 9773, section 3). */
export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly renewalInfo: string | undefined;
  readonly termsOfService: string | undefined;
  readonly needsExternalAccount: boolean;
}

/** Key identifier and MAC key (base64url) with which the authority knows an account of its own (RFC 8555, section 7.3.4). */
export interface ExternalAccount {
  readonly keyId: string;
  readonly macKey: string;
}

export interface AcmeAnswer {
  readonly url: string;
  readonly status: number;
  readonly location: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly text: string;
  /** The body as an object; throws `acme.protocol` where it is none. */
  json(): Readonly<Record<string, unknown>>;
}

export interface SessionOptions {
  readonly fetch: AcmeFetch;
  readonly clock: Clock;
  readonly directory: string;
  readonly accountKey: KeyObject;
}

const nonceTries = 8;
const contentType = 'application/jose+json';

/** A conversation with one certificate authority under one account key: signs requests, minds nonces, reads problems. */
export class AcmeSession {
  readonly #options: SessionOptions;
  readonly #publicJwk: Promise<JWK>;
  readonly #nonces: string[] = [];
  #directory: Directory | undefined;
  #accountUrl: string | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#publicJwk = exportJWK(createPublicKey(options.accountKey));
  }

  /** The account that requests are signed for from now on. */
  useAccount(url: string): void {
    this.#accountUrl = url;
  }

  async directory(): Promise<Directory> {
    this.#directory ??= readDirectory((await this.get(this.#options.directory)).json());
    return this.#directory;
  }

  /** `token.thumbprint` (RFC 8555, section 8.1). */
  async keyAuthorization(token: string): Promise<string> {
    return `${token}.${await calculateJwkThumbprint(await this.#publicJwk, 'sha256')}`;
  }

  /** An unsigned request. Throws `acme.unreachable`, `acme.refused`. */
  async get(url: string): Promise<AcmeAnswer> {
    return this.#read(url, await this.#send({ method: 'GET', url, headers: { accept: 'application/json' } }));
  }

  /** A signed request; without `payload` a POST-as-GET (section 6.3). Throws `acme.unreachable`, `acme.refused`. */
  async post(url: string, payload?: unknown, accept = 'application/json'): Promise<AcmeAnswer> {
    const content = payload === undefined ? '' : JSON.stringify(payload);
    for (let attempt = 1; ; attempt++) {
      const body = await this.#sign(url, content);
      const headers = { 'content-type': contentType, accept };
      try {
        return this.#read(url, await this.#send({ method: 'POST', url, headers, body }));
      } catch (error) {
        // Nonces age; the refusal brings a new one (section 6.5).
        if (!isProblem(error, 'badNonce') || attempt === nonceTries) throw error;
      }
    }
  }

  /** Binds the account key to an account that the authority knows already: a JWS within the JWS (section 7.3.4). */
  async bindExternal({ keyId, macKey }: ExternalAccount): Promise<object> {
    const { newAccount } = await this.directory();
    const header = encodeBase64Url(Buffer.from(JSON.stringify({ alg: 'HS256', kid: keyId, url: newAccount })));
    const payload = encodeBase64Url(Buffer.from(JSON.stringify(await this.#publicJwk)));
    const mac = createHmac('sha256', Buffer.from(macKey, 'base64url')).update(`${header}.${payload}`).digest();
    return { protected: header, payload, signature: encodeBase64Url(mac) };
  }

  async #sign(url: string, content: string): Promise<string> {
    const account = this.#accountUrl;
    const signer = account === undefined ? { jwk: await this.#publicJwk } : { kid: account };
    const jws = await new FlattenedSign(Buffer.from(content))
      .setProtectedHeader({ alg: 'ES256', nonce: await this.#nonce(), url, ...signer })
      .sign(this.#options.accountKey);
    return JSON.stringify(jws);
  }

  async #nonce(): Promise<string> {
    const kept = this.#nonces.pop();
    if (kept !== undefined) return kept;
    const { newNonce } = await this.directory();
    await this.#send({ method: 'HEAD', url: newNonce, headers: {} });
    const fresh = this.#nonces.pop();
    if (fresh === undefined) throw new AcmeError('acme.protocol', 'the certificate authority gives no nonce');
    return fresh;
  }

  async #send(request: AcmeHttpRequest): Promise<AcmeHttpResponse> {
    let response: AcmeHttpResponse;
    try {
      response = await this.#options.fetch(request);
    } catch (error) {
      throw new AcmeError(
        'acme.unreachable',
        `the certificate authority does not answer at \`${request.url}\`: ${saidBy(messageOf(error))}`,
        { hint: 'see that this machine reaches it, and that its certificate is trusted (`acme.ca`)' },
      );
    }
    const nonce = response.header('replay-nonce');
    if (nonce !== undefined && /^[A-Za-z0-9_-]{1,256}$/.test(nonce)) this.#nonces.push(nonce);
    return response;
  }

  #read(url: string, response: AcmeHttpResponse): AcmeAnswer {
    const { status, body } = response;
    const retryAfterMs = readRetryAfter(response.header('retry-after'), this.#options.clock.now());
    if (status >= 400) throw refusal(status, body, retryAfterMs);
    return { url, status, location: response.header('location'), retryAfterMs, text: body, json: () => objectOf(body) };
  }
}

/** Whether `error` is the authority's refusal of this type. */
export function isProblem(error: unknown, type: string): boolean {
  return error instanceof AcmeError && error.problem?.type === type;
}

const problemPrefix = 'urn:ietf:params:acme:error:';

/** A problem document (RFC 7807) of the authority. */
export function readProblem(value: unknown, status: number): AcmeProblem {
  const { type, detail } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const name = typeof type === 'string' ? type : 'unknown';
  return {
    type: saidBy(name.startsWith(problemPrefix) ? name.slice(problemPrefix.length) : name),
    detail: saidBy(detail),
    status,
  };
}

function refusal(status: number, body: string, retryAfterMs: number | undefined): AcmeError {
  const problem = readProblem(tryParse(body), status);
  const said = problem.detail === '' ? `status ${status}` : problem.detail;
  return new AcmeError('acme.refused', `the certificate authority refuses (${problem.type}): ${said}`, {
    problem,
    retryAfterMs,
  });
}

function readDirectory(json: Readonly<Record<string, unknown>>): Directory {
  const meta = (typeof json.meta === 'object' && json.meta !== null ? json.meta : {}) as Record<string, unknown>;
  return {
    newNonce: urlIn(json, 'newNonce'),
    newAccount: urlIn(json, 'newAccount'),
    newOrder: urlIn(json, 'newOrder'),
    renewalInfo: typeof json.renewalInfo === 'string' ? json.renewalInfo : undefined,
    termsOfService: typeof meta.termsOfService === 'string' ? meta.termsOfService : undefined,
    needsExternalAccount: meta.externalAccountRequired === true,
  };
}

/** The https URL that an object of the authority's holds under `name`. Throws `acme.protocol`. */
export function urlIn(json: Readonly<Record<string, unknown>>, name: string): string {
  const value = json[name];
  if (typeof value === 'string' && URL.canParse(value) && new URL(value).protocol === 'https:') return value;
  throw new AcmeError('acme.protocol', `the certificate authority gives no https URL as \`${name}\``);
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  const value = tryParse(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new AcmeError('acme.protocol', 'the certificate authority answers no JSON object');
}

const longestRetryMs = 86_400_000;

/** Seconds, or a date (RFC 9110, section 10.2.3), as milliseconds from now. */
function readRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(ms) ? Math.min(longestRetryMs, Math.max(0, ms)) : undefined;
}
