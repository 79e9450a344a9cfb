// The key-value engine's routes (Vault, KV secrets engine version 2, HTTP API).

import { secretsConfig } from './config.ts';
import { SecretsError } from './errors.ts';
import type { KvSecret } from './kv.ts';
import type { KvMetadata, KvVersion } from './kv-record.ts';
import { bareResponse, envelopeResponse, formatTime, noContent, tryParseSeconds } from './vault-http.ts';
import type { Context, Route } from './vault-route.ts';

const mustBe = (what: string): SecretsError => new SecretsError('secrets.bad-request', what);
const notFound = bareResponse(404, { errors: [] });

function formatVersion({ createdMs, deletedMs, destroyed = false }: KvVersion) {
  return { created_time: formatTime(createdMs), deletion_time: formatTime(deletedMs), destroyed };
}

function formatSecretMetadata({ version, custom = undefined, ...rest }: KvSecret) {
  return { ...formatVersion(rest), custom_metadata: custom ?? null, version };
}

function formatMetadata({ casRequired, createdMs, updatedMs, current, maxVersions, custom, versions }: KvMetadata) {
  const numbers = Object.keys(versions).map(Number);
  return {
    cas_required: casRequired,
    created_time: formatTime(createdMs),
    current_version: current,
    custom_metadata: custom ?? null,
    delete_version_after: '0s',
    max_versions: maxVersions,
    oldest_version: numbers.length === 0 ? 0 : Math.min(...numbers),
    updated_time: formatTime(updatedMs),
    versions: Object.fromEntries(Object.entries(versions).map(([number, version]) => [number, formatVersion(version)])),
  };
}

async function readData({ kv, rest, query, requestId }: Context) {
  const asked = query.get('version') ?? '0';
  if (!/^\d{1,9}$/.test(asked)) throw mustBe('`version` must be a number');
  const secret = await kv.read(rest, Number(asked));
  if (secret === undefined) return notFound;
  const data = { data: secret.fields, metadata: formatSecretMetadata(secret) };
  return envelopeResponse(requestId, { data, status: secret.fields === null ? 404 : 200 });
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parseWrite({ body }: Context) {
  const { data, options = {} } = body;
  if (!isObject(data)) throw mustBe('no data provided');
  if (!isObject(options)) throw mustBe('`options` must be an object');
  const { cas } = options;
  if (cas !== undefined && !(Number.isSafeInteger(Number(cas)) && Number(cas) >= 0))
    throw mustBe('`cas` must be a number');
  return { fields: data, cas: cas === undefined ? undefined : Number(cas) };
}

async function writeData(context: Context) {
  const { fields, cas } = parseWrite(context);
  return envelopeResponse(context.requestId, {
    data: formatSecretMetadata(await context.kv.write(context.rest, fields, cas)),
  });
}

async function patchData(context: Context) {
  const { fields, cas } = parseWrite(context);
  return envelopeResponse(context.requestId, {
    data: formatSecretMetadata(await context.kv.patch(context.rest, fields, cas)),
  });
}

function parseVersions({ body: { versions } }: Context): number[] {
  const list = Array.isArray(versions) ? versions.map(Number) : [];
  const valid =
    list.length > 0 && list.length <= 1_000 && list.every((number) => Number.isSafeInteger(number) && number > 0);
  if (!valid) throw mustBe('no version number provided');
  return list;
}

const withVersions = (operation: 'delete' | 'undelete' | 'destroy') => async (context: Context) => {
  await context.kv[operation](context.rest, parseVersions(context));
  return noContent;
};

async function listKeys({ kv, rest, requestId }: Context) {
  const keys = await kv.list(rest);
  return keys.length === 0 ? notFound : envelopeResponse(requestId, { data: { keys } });
}

async function readMetadata(context: Context) {
  const metadata = await context.kv.readMetadata(context.rest);
  return metadata === undefined ? notFound : envelopeResponse(context.requestId, { data: formatMetadata(metadata) });
}

function parseCustom(value: unknown): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  const entries = isObject(value) ? Object.entries(value) : [['', undefined] as const];
  const valid = entries.every(
    ([name, text]) => typeof text === 'string' && name.length > 0 && name.length <= 128 && text.length <= 512,
  );
  if (!valid || entries.length > 64) throw mustBe('`custom_metadata` must be at most 64 short texts by name');
  return Object.fromEntries(entries) as Record<string, string>;
}

async function writeMetadata({ kv, rest, body }: Context) {
  const { max_versions: max, cas_required: cas, custom_metadata: custom, delete_version_after: after } = body;
  if (after !== undefined && tryParseSeconds(after) !== 0) throw mustBe('`delete_version_after` is not supported');
  const maxVersions = max === undefined ? undefined : Number(max);
  if (maxVersions !== undefined && !(maxVersions >= 0 && maxVersions <= secretsConfig.maxVersionsBound)) {
    throw mustBe(`\`max_versions\` must be 0 to ${secretsConfig.maxVersionsBound}`);
  }
  if (cas !== undefined && typeof cas !== 'boolean') throw mustBe('`cas_required` must be true or false');
  const named = parseCustom(custom);
  await kv.writeMetadata(rest, {
    ...(maxVersions !== undefined && { maxVersions: Math.trunc(maxVersions) }),
    ...(cas !== undefined && { casRequired: cas }),
    ...(named !== undefined && { custom: named }),
  });
  return noContent;
}

const dataExists = async ({ kv, rest }: Context) => ((await kv.readMetadata(rest)) === undefined ? 'create' : 'update');

/** Method, path, what the policy must allow, how the audit calls it, and what it does. */
export const kvRoutes: readonly Route[] = [
  { methods: ['GET', 'HEAD'], path: 'secret/data/', needs: 'read', action: 'secret.read', run: readData },
  {
    methods: ['POST', 'PUT'],
    path: 'secret/data/',
    needs: dataExists,
    action: 'secret.write',
    changes: true,
    run: writeData,
  },
  { methods: ['PATCH'], path: 'secret/data/', needs: 'patch', action: 'secret.write', changes: true, run: patchData },
  {
    methods: ['DELETE'],
    path: 'secret/data/',
    needs: 'delete',
    action: 'secret.delete',
    changes: true,
    run: async ({ kv, rest }) => {
      await kv.delete(rest, 'newest');
      return noContent;
    },
  },
  {
    methods: ['POST', 'PUT'],
    path: 'secret/delete/',
    needs: 'update',
    action: 'secret.delete',
    changes: true,
    run: withVersions('delete'),
  },
  {
    methods: ['POST', 'PUT'],
    path: 'secret/undelete/',
    needs: 'update',
    action: 'secret.undelete',
    changes: true,
    run: withVersions('undelete'),
  },
  {
    methods: ['POST', 'PUT'],
    path: 'secret/destroy/',
    needs: 'update',
    action: 'secret.destroy',
    changes: true,
    run: withVersions('destroy'),
  },
  { methods: ['LIST'], path: 'secret/metadata/', needs: 'list', action: 'secret.list', folder: true, run: listKeys },
  { methods: ['GET'], path: 'secret/metadata/', needs: 'read', action: 'secret.metadata.read', run: readMetadata },
  {
    methods: ['POST', 'PUT'],
    path: 'secret/metadata/',
    needs: dataExists,
    action: 'secret.metadata.update',
    changes: true,
    run: writeMetadata,
  },
  {
    methods: ['DELETE'],
    path: 'secret/metadata/',
    needs: 'delete',
    action: 'secret.metadata.delete',
    changes: true,
    run: async ({ kv, rest }) => {
      await kv.deleteMetadata(rest);
      return noContent;
    },
  },
  {
    methods: ['GET'],
    path: 'secret/config',
    needs: 'read',
    action: 'secret.config.read',
    run: async ({ requestId }) =>
      envelopeResponse(requestId, { data: { max_versions: 0, cas_required: false, delete_version_after: '0s' } }),
  },
];
