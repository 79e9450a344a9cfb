import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { shop } from '../../test/fakes/policy-shop.ts';
import { compileGatewayPolicies, generateSchema } from './control.ts';

const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');

it('shows policies that are valid', async () => {
  const text = /```cedar\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const model = { ...shop, claims: { ...shop.claims, region: 'String' as const } };
  const compiled = await compileGatewayPolicies({ model, files: [{ name: 'README.md', text }] });
  expect('errors' in compiled ? compiled.errors : compiled.warnings).toEqual([]);
  expect(text.match(/@id/g)).toHaveLength(3);
});

it('names every entity type and every field of the context', () => {
  const schema = generateSchema(shop).Merlon;
  for (const type of Object.keys(schema?.entityTypes ?? {})) expect(readme).toContain(`\`Merlon::${type}\``);
  const context = schema?.actions.GET?.appliesTo?.context as { attributes?: Record<string, unknown> } | undefined;
  const fields = Object.keys(context?.attributes ?? {});
  expect(fields.length).toBeGreaterThan(10);
  for (const field of fields) expect(readme).toMatch(new RegExp(`\`${field}\\??\``));
});
