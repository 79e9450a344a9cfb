import type { ClaimType, PolicyPrincipal, PolicyRequest } from '../api/policy.ts';
import { MerlonError } from '../core/errors.ts';
import type { EntitySource } from './entities.ts';
import { entityTypes } from './entity-model.ts';
import { DateTime } from './extensions/datetime.ts';
import { type IpAddress, tryParseIpAddress } from './extensions/ip-address.ts';
import type { CedarRequest } from './request.ts';
import { type CedarRecord, CedarSet, EntityUid, emptyRecord, same, type Value } from './values.ts';

/** What all requests share: the entities of the model, and the claims that policies may read. */
export interface ModelFacts {
  readonly entities: EntitySource;
  readonly claims: ReadonlyMap<string, ClaimType>;
}

/** What the request asks for, in Cedar's terms. */
export interface RequestTarget {
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly resourceAttributes: CedarRecord | undefined;
  /** Operation id, where the action is an operation's. */
  readonly operation: string | undefined;
}

const anonymous = new EntityUid(entityTypes.anonymous, 'anonymous');

/**
 * A gateway's request as Cedar sees it. Nothing is built before a policy asks for it: this object is the request's
 * entity source too, answering for the principal itself and leaving the rest to the model.
 */
export class GatewayRequest implements CedarRequest, EntitySource {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: RequestContext;
  readonly entities: EntitySource;
  readonly #caller: PolicyPrincipal;
  readonly #facts: ModelFacts;
  readonly #resourceAttributes: CedarRecord | undefined;
  #attributes: CedarRecord | undefined;

  constructor(request: PolicyRequest, target: RequestTarget, facts: ModelFacts) {
    this.principal = principalUid(request.principal);
    this.action = target.action;
    this.resource = target.resource;
    this.context = new RequestContext(request, target.operation);
    this.#resourceAttributes = target.resourceAttributes;
    this.entities = this;
    this.#caller = request.principal;
    this.#facts = facts;
  }

  /** Whether all that was read of it holds for each request of this principal, from this address, for the same. */
  get isRepeatable(): boolean {
    return !this.context.readsMore;
  }

  attributes(uid: EntityUid): CedarRecord | undefined {
    if (uid === this.resource) return this.#resourceAttributes;
    if (!same(uid, this.principal)) return this.#facts.entities.attributes(uid);
    if (this.#caller.kind === 'anonymous') return emptyRecord;
    return (this.#attributes ??= new PrincipalAttributes(this.#caller, this.#facts));
  }

  tags(uid: EntityUid): CedarRecord | undefined {
    return same(uid, this.principal) ? emptyRecord : this.#facts.entities.tags(uid);
  }

  isIn(uid: EntityUid, ancestor: EntityUid): boolean {
    if (!same(uid, this.principal)) return this.#facts.entities.isIn(uid, ancestor);
    if (ancestor.type === entityTypes.role) return rolesOf(this.#caller).includes(ancestor.id);
    return same(uid, ancestor);
  }

  ancestors(uid: EntityUid): readonly EntityUid[] {
    if (!same(uid, this.principal)) return this.#facts.entities.ancestors(uid);
    return rolesOf(this.#caller).map((role) => new EntityUid(entityTypes.role, role));
  }
}

const noNames: readonly string[] = [];

/** Roles make sense for users and clients alone; the schema knows no others. */
function rolesOf({ kind, roles }: PolicyPrincipal): readonly string[] {
  return kind === 'user' || kind === 'client' ? (roles ?? noNames) : noNames;
}

// A caller who comes again is the same object.
const principalUids = new WeakMap<PolicyPrincipal, EntityUid>();

function principalUid(principal: PolicyPrincipal): EntityUid {
  const { kind, id, issuer } = principal;
  if (kind === 'anonymous') return anonymous;
  let uid = principalUids.get(principal);
  if (uid === undefined) {
    uid = new EntityUid(entityTypes[kind], kind === 'user' ? `${issuer ?? ''}|${id}` : id);
    principalUids.set(principal, uid);
  }
  return uid;
}

/** Attributes of whoever has authenticated. */
class PrincipalAttributes implements CedarRecord {
  readonly record = true;
  readonly #caller: PolicyPrincipal;
  readonly #claims: CedarRecord;

  constructor(caller: PolicyPrincipal, facts: ModelFacts) {
    this.#caller = caller;
    this.#claims = new Claims(caller.claims ?? noClaims, facts.claims);
  }

  get(name: string): Value | undefined {
    if (name === 'sub') return this.#caller.id;
    if (name === 'claims') return this.#claims;
    if (name === 'issuer') return this.#caller.issuer ?? '';
    return name === 'email' && this.#caller.kind === 'user' ? this.#caller.email : undefined;
  }

  names(): Iterable<string> {
    return presentOf(['sub', 'issuer', 'email', 'claims'], this);
  }
}

const noClaims: Readonly<Record<string, unknown>> = {};

/** The declared claims. One of another type than declared counts as absent, so that requests keep to the schema. */
class Claims implements CedarRecord {
  readonly record = true;
  readonly #claims: Readonly<Record<string, unknown>>;
  readonly #declared: ReadonlyMap<string, ClaimType>;

  constructor(claims: Readonly<Record<string, unknown>>, declared: ReadonlyMap<string, ClaimType>) {
    this.#claims = claims;
    this.#declared = declared;
  }

  get(name: string): Value | undefined {
    const type = this.#declared.get(name);
    if (type === undefined || !Object.hasOwn(this.#claims, name)) return undefined;
    return claimValue(this.#claims[name], type);
  }

  names(): Iterable<string> {
    return presentOf([...this.#declared.keys()], this);
  }
}

function claimValue(value: unknown, type: ClaimType): Value | undefined {
  if (type === 'String') return typeof value === 'string' ? value : undefined;
  if (type === 'Boolean') return typeof value === 'boolean' ? value : undefined;
  if (type === 'Long') return Number.isSafeInteger(value) ? (value as number) : undefined;
  const all = Array.isArray(value) && value.every((item) => typeof item === 'string');
  return all ? new CedarSet(value as string[]) : undefined;
}

/** `context.params`. */
class Params implements CedarRecord {
  readonly record = true;
  readonly #params: Readonly<Record<string, string>>;

  constructor(params: Readonly<Record<string, string>>) {
    this.#params = params;
  }

  get(name: string): Value | undefined {
    return Object.hasOwn(this.#params, name) ? this.#params[name] : undefined;
  }

  names(): Iterable<string> {
    return Object.keys(this.#params);
  }
}

/** `context.certificate`. */
function certificateRecord(certificate: PolicyRequest['certificate']): CedarRecord | undefined {
  if (certificate === undefined) return undefined;
  const { subject, fingerprint } = certificate;
  const fields = new Map<string, Value>([
    ['subject', subject],
    ['fingerprint', fingerprint],
    ['names', new CedarSet(certificate.names)],
  ]);
  return { record: true, get: (name) => fields.get(name), names: () => fields.keys() };
}

function presentOf(names: readonly string[], record: CedarRecord): readonly string[] {
  return names.filter((name) => record.get(name) !== undefined);
}

/** Reads one field of the context. */
type ReadField = (request: PolicyRequest, context: RequestContext) => Value | undefined;

/** `context`, field by field; sets and addresses are kept once made. */
class RequestContext implements CedarRecord {
  readonly record = true;
  readonly operation: string | undefined;
  /** Whether a field was read that may differ in the next request of the same principal, from the same address, for the same. */
  readsMore = false;
  readonly #request: PolicyRequest;
  scopes: CedarSet | undefined;
  roles: CedarSet | undefined;
  ip: IpAddress | undefined;
  params: CedarRecord | undefined;
  certificate: CedarRecord | undefined;

  constructor(request: PolicyRequest, operation: string | undefined) {
    this.#request = request;
    this.operation = operation;
  }

  get(name: string): Value | undefined {
    if (!repeatable.has(name)) this.readsMore = true;
    return contextFields.get(name)?.(this.#request, this);
  }

  names(): Iterable<string> {
    return presentOf([...contextFields.keys()], this);
  }
}

const contextFields: ReadonlyMap<string, ReadField> = new Map<string, ReadField>([
  ['scopes', ({ principal }, context) => (context.scopes ??= new CedarSet(principal.scopes ?? noNames))],
  ['roles', ({ principal }, context) => (context.roles ??= new CedarSet(rolesOf(principal)))],
  ['method', ({ method }) => method],
  ['path', ({ path }) => path],
  ['host', ({ host }) => host],
  ['ip', ({ ip }, context) => (context.ip ??= remoteAddress(ip))],
  ['now', ({ nowMs }) => new DateTime(nowMs)],
  ['authenticated', ({ principal }) => principal.kind !== 'anonymous'],
  ['mfa', ({ principal }) => principal.mfa === true],
  ['acr', ({ principal }) => principal.acr],
  ['client', ({ principal }) => principal.client],
  ['certificate', ({ certificate }, context) => (context.certificate ??= certificateRecord(certificate))],
  ['operation', (_, context) => context.operation],
  ['params', ({ params }, context) => (context.params ??= params === undefined ? emptyRecord : new Params(params))],
]);

/** What the principal says, the address, and what was asked for. */
const repeatable = new Set(['scopes', 'roles', 'ip', 'authenticated', 'mfa', 'acr', 'client', 'operation']);

/** Not an evaluation error: a policy that were skipped for an odd address could be the one that forbids. */
function remoteAddress(text: string): IpAddress {
  if (text === lastText) return lastAddress;
  const address = tryParseIpAddress(text) ?? tryParseIpAddress(plainAddress(text));
  if (address?.single) {
    lastText = text;
    lastAddress = address;
    return address;
  }
  throw new MerlonError({ code: 'policy.value', message: `\`${text}\` is no IP address` });
}

// The requests of a connection are from one address.
let lastText = '0.0.0.0';
let lastAddress = tryParseIpAddress(lastText) as IpAddress;

/** Sockets write link-local addresses with their interface, and IPv4 callers of an IPv6 listener as `::ffff:192.0.2.1`. */
function plainAddress(text: string): string {
  const zone = text.indexOf('%');
  const address = zone < 0 ? text : text.slice(0, zone);
  return address.startsWith(mapped) && address.includes('.') ? address.slice(mapped.length) : address;
}

const mapped = '::ffff:';
