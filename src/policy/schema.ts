import type { SchemaJson, Type, TypeOfAttribute } from '@cedar-policy/cedar-wasm/nodejs';
import type { ClaimType, OperationRules, PolicyModel } from '../api/policy.ts';
import { admitsAnonymous, claimsOf, methodsOf, operationAction, pathParams } from './entity-model.ts';

/** A Cedar schema in its JSON format. */
export type CedarSchemaJson = SchemaJson<string>;

type Attributes = Record<string, TypeOfAttribute<string>>;

const string: Type<string> = { type: 'String' };
const boolean: Type<string> = { type: 'Boolean' };
const strings: Type<string> = { type: 'Set', element: string };

/** The Cedar schema of a model: what policies may name and read (README.md). */
export function generateSchema(model: PolicyModel): CedarSchemaJson {
  return {
    Merlon: { entityTypes: entityTypesOf(model), actions: { ...methodActions(model), ...operationActions(model) } },
  };
}

function entityTypesOf(model: PolicyModel): CedarSchemaJson[string]['entityTypes'] {
  const caller: Attributes = { sub: string, issuer: string, claims: record(claimAttributes(model)) };
  const data: Attributes = { data: strings };
  return {
    Role: {},
    User: { memberOfTypes: ['Role'], shape: record({ ...caller, email: optional(string) }) },
    Client: { memberOfTypes: ['Role'], shape: record(caller) },
    Workload: { shape: record(caller) },
    Anonymous: {},
    Service: { shape: record({ name: string, ...data }) },
    Route: { memberOfTypes: ['Service'], shape: record({ path: string, ...data }) },
  };
}

function claimAttributes(model: PolicyModel): Attributes {
  return Object.fromEntries(Object.entries(claimsOf(model)).map(([name, type]) => [name, optional(claimType(type))]));
}

function claimType(type: ClaimType): Type<string> {
  return type === 'StringSet' ? strings : { type };
}

/** One action per HTTP method, for requests that no operation declares. `HEAD` is in `GET`: it reveals what GET does. */
function methodActions(model: PolicyModel): CedarSchemaJson[string]['actions'] {
  const params = [...model.routes, ...model.operations].flatMap(({ path }) => pathParams(path));
  const attributes = Object.fromEntries(params.map((name) => [name, optional(string)]));
  const principalTypes = principals(model.routes.some(admitsAnonymous));
  return Object.fromEntries(
    methodsOf(model).map((method) => [
      method,
      {
        appliesTo: { principalTypes, resourceTypes: ['Route'], context: contextType(attributes) },
        memberOf: method === 'HEAD' ? [{ id: 'GET' }] : [],
      },
    ]),
  );
}

/** One action per operation, in the group of its method; its path parameters are there for certain. */
function operationActions(model: PolicyModel): CedarSchemaJson[string]['actions'] {
  return Object.fromEntries(
    model.operations.map((operation) => [
      operationAction(operation),
      {
        appliesTo: {
          principalTypes: principals(anonymousReaches(model, operation)),
          resourceTypes: ['Route'],
          context: contextType(Object.fromEntries(operation.params.map((name) => [name, string]))),
        },
        memberOf: [{ id: operation.method }],
      },
    ]),
  );
}

function anonymousReaches(model: PolicyModel, { service }: OperationRules): boolean {
  return model.routes.some((route) => route.service === service && admitsAnonymous(route));
}

function principals(anonymous: boolean): string[] {
  return anonymous ? ['User', 'Client', 'Workload', 'Anonymous'] : ['User', 'Client', 'Workload'];
}

function contextType(params: Attributes): Type<string> {
  return record({
    scopes: strings,
    roles: strings,
    method: string,
    path: string,
    host: string,
    ip: { type: 'Extension', name: 'ipaddr' },
    now: { type: 'Extension', name: 'datetime' },
    authenticated: boolean,
    mfa: boolean,
    acr: optional(string),
    client: optional(string),
    operation: optional(string),
    certificate: optional(record({ subject: string, fingerprint: string, names: strings })),
    params: record(params),
  });
}

function record(attributes: Attributes): Type<string> {
  return { type: 'Record', attributes };
}

function optional(type: Type<string>): TypeOfAttribute<string> {
  return { ...type, required: false };
}
