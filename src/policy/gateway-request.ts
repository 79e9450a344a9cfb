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
  readonly context: CedarRecord;
  readonly entities: EntitySource;
  readonly #caller: PolicyPrincipal;
  readonly #facts: ModelFacts;
  #attributes: CedarRecord | undefined;

  constructor(request: PolicyRequest, { action, resource, operation }: RequestTarget, facts: ModelFacts) {
    this.principal = principalUid(request.principal);
    this.action = action;
    this.resource = resource;
    this.context = new RequestContext(request, operation);
    this.entities = this;
    this.#caller = request.principal;
    this.#facts = facts;
  }

  attributes(uid: EntityUid): CedarRecord | undefined {
    if (!same(uid, this.principal)) return this.#facts.entities.attributes(uid);
    return (this.#attributes ??= principalAttributes(this.#caller, this.#facts));
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

function principalUid({ kind, id, issuer }: PolicyPrincipal): EntityUid {
  if (kind === 'anonymous') return anonymous;
  return new EntityUid(entityTypes[kind], kind === 'user' ? `${issuer ?? ''}|${id}` : id);
}

function principalAttributes(caller: PolicyPrincipal, { claims }: ModelFacts): CedarRecord {
  if (caller.kind === 'anonymous') return emptyRecord;
  const claimValues = new LazyRecord([...claims.keys()], (name) => claimValue(caller.claims, name, claims.get(name)));
  return new LazyRecord(['sub', 'issuer', 'email', 'claims'], (name) => {
    if (name === 'sub') return caller.id;
    if (name === 'issuer') return caller.issuer ?? '';
    if (name === 'email') return caller.kind === 'user' ? caller.email : undefined;
    return claimValues;
  });
}

/** A claim of the declared type; one of another type counts as absent, so that requests keep to the schema. */
function claimValue(
  claims: Readonly<Record<string, unknown>> | undefined,
  name: string,
  type: ClaimType | undefined,
): Value | undefined {
  const value = claims !== undefined && Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (type === 'String') return typeof value === 'string' ? value : undefined;
  if (type === 'Boolean') return typeof value === 'boolean' ? value : undefined;
  if (type === 'Long') return Number.isSafeInteger(value) ? (value as number) : undefined;
  const all = Array.isArray(value) && value.every((item) => typeof item === 'string');
  return all ? new CedarSet(value as string[]) : undefined;
}

/** A record whose fields are made when asked for. */
class LazyRecord implements CedarRecord {
  readonly record = true;
  readonly #names: readonly string[];
  readonly #read: (name: string) => Value | undefined;

  constructor(names: readonly string[], read: (name: string) => Value | undefined) {
    this.#names = names;
    this.#read = read;
  }

  get(name: string): Value | undefined {
    return this.#names.includes(name) ? this.#read(name) : undefined;
  }

  names(): Iterable<string> {
    return this.#names.filter((name) => this.#read(name) !== undefined);
  }
}

/** Reads one field of the context. */
type ReadField = (request: PolicyRequest, context: RequestContext) => Value | undefined;

/** `context`, field by field; sets and addresses are kept once made. */
class RequestContext implements CedarRecord {
  readonly record = true;
  readonly operation: string | undefined;
  readonly #request: PolicyRequest;
  scopes: CedarSet | undefined;
  roles: CedarSet | undefined;
  ip: IpAddress | undefined;
  params: CedarRecord | undefined;

  constructor(request: PolicyRequest, operation: string | undefined) {
    this.#request = request;
    this.operation = operation;
  }

  get(name: string): Value | undefined {
    return contextFields.get(name)?.(this.#request, this);
  }

  names(): Iterable<string> {
    return [...contextFields.keys()].filter((name) => this.get(name) !== undefined);
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
  ['operation', (_, context) => context.operation],
  ['params', ({ params }, context) => (context.params ??= paramsRecord(params))],
]);

function paramsRecord(params: Readonly<Record<string, string>> | undefined): CedarRecord {
  if (params === undefined) return emptyRecord;
  return new LazyRecord(Object.keys(params), (name) => params[name]);
}

/** Not an evaluation error: a policy that were skipped for an odd address could be the one that forbids. */
function remoteAddress(text: string): IpAddress {
  const zoneless = text.split('%', 1)[0] as string;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(zoneless);
  const address = tryParseIpAddress(mapped?.[1] ?? zoneless);
  if (address === undefined) throw new MerlonError({ code: 'policy.value', message: `\`${text}\` is no IP address` });
  return address;
}
