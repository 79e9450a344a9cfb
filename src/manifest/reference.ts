import { manifestCodes } from './codes.ts';
import { alternatives, type JsonSchema, manifestJsonSchema } from './json-schema.ts';
import { unavailable } from './schema/unavailable.ts';

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

/** What kind of value a schema takes, in words. */
function kindOf(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return [...new Set(alternatives(schema).map(kindOf))].join(' or ');
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  if (schema.type === 'array') return `list of ${kindOf(schema.items ?? {})}`;
  if (schema.type === 'object') return 'map';
  if (typeof schema.title === 'string') return schema.title;
  return (
    { string: 'text', boolean: '`true`, `false`', integer: 'number' }[schema.type ?? ''] ?? schema.type ?? 'anything'
  );
}

interface Row {
  readonly key: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** The keys that a schema has below `prefix`, each followed by its own. */
function rowsOf(schema: JsonSchema, prefix: string): Row[] {
  return alternatives(schema).flatMap((part) => {
    const named = Object.entries(part.properties ?? {}).flatMap(([key, value]) => [
      { key: `${prefix}${key}`, schema: value, required: part.required?.includes(key) ?? false },
      ...rowsOf(value, `${prefix}${key}.`),
    ]);
    const byName =
      typeof part.additionalProperties === 'object' ? rowsOf(part.additionalProperties, `${prefix}<name>.`) : [];
    const listed = part.items === undefined ? [] : rowsOf(part.items, `${prefix.replace(/\.$/, '')}[].`);
    return [...named, ...byName, ...listed];
  });
}

function defaultOf({ schema, required }: Row): string {
  if (required) return 'required';
  const empty = JSON.stringify(schema.default) === '{}' || JSON.stringify(schema.default) === '[]';
  return schema.default === undefined || empty ? '' : code(schema.default);
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

function table(rows: readonly Row[]): string {
  const lines = rows.map(
    (row) =>
      `| \`${row.key}\` | ${cell(kindOf(row.schema))} | ${cell(defaultOf(row))} | ${cell(row.schema.description ?? '')} |`,
  );
  return ['| key | value | default | meaning |', '|---|---|---|---|', ...lines].join('\n');
}

const introduction = `# The manifest

\`merlon.yaml\` says what there is and who may reach it; Merlon enforces it. It is one YAML 1.2 document of at most 1 MiB.
Unknown keys are refused, and every error is reported at once with its place and a hint: \`merlon validate\`. \`merlon init\` drafts one from compose files, Kubernetes and Istio manifests, OpenAPI
documents and npm workspaces.
Paths of files are relative to the manifest's folder. Editors check it as you type when it begins with

\`\`\`yaml
# yaml-language-server: $schema=node_modules/merlon/docs/manifest.schema.json
\`\`\`

A small one:

\`\`\`yaml
version: 1
trustDomain: shop.example
roles:
  customer: { scopes: [orders:read, orders:write] }
services:
  orders:
    run: node services/orders.ts
    openapi: services/orders.yaml
    data: [pii]
    calls: [payments]
    secrets: { DB_PASSWORD: secret/orders/db#password }
  payments:
    address: http://10.0.0.7:8080
routes:
  - path: /api/orders
    service: orders
    scopes: { GET: [orders:read], POST: [orders:write] }
    limits: { perUser: 60/min }
\`\`\`

Quantities: a **duration** is \`250ms\`, \`30s\`, \`5m\`, \`24h\`, \`7d\`; a **size** is \`512B\`, \`64KiB\`, \`1MB\`; a **rate** is \`10/s\`, \`600/min\`,
\`1000/hour\`, \`10000/day\`, \`100000/month\` (30 days). \`<name>\` stands for a name that you choose, \`[]\` for each entry of a list.`;

function section(key: string, schema: JsonSchema): string {
  const rows = rowsOf(schema, schema.type === 'array' ? '' : `${key}.`).map((row) => ({
    ...row,
    key: row.key.replace(/^\[\]\./, `${key}[].`),
  }));
  return rows.length === 0 ? '' : `## ${key}\n\n${schema.description ?? ''}\n\n${table(rows)}`;
}

/** `docs/manifest.md`: the language of the manifest, written from its schema. */
export function manifestReference(): string {
  const schema = manifestJsonSchema();
  const properties = Object.entries(schema.properties ?? {});
  const top = properties.map(([key, value]) => ({
    key,
    schema: value,
    required: schema.required?.includes(key) ?? false,
  }));
  const refused = Object.values(unavailable).map((sentence) => `- ${sentence}`);
  const codes = Object.entries(manifestCodes).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  const parts = [
    introduction,
    `## Keys\n\n${table(top)}`,
    ...properties.map(([key, value]) => section(key, value)).filter((text) => text !== ''),
    `## Not in this version\n\nThese are refused with \`manifest.not-available\`, so that nothing is asked for and silently not done:\n\n${refused.join('\n')}`,
    `## Codes\n\n| code | meaning |\n|---|---|\n${codes.join('\n')}`,
  ];
  return `<!-- Written by tools/generate-schema.ts from src/manifest/schema.ts. Do not edit. -->\n\n${parts.join('\n\n')}\n`;
}
