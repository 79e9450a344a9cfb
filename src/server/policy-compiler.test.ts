import { expect, test } from 'vitest';
import { manifestOf, shopText } from '../../test/fakes/manifest.ts';
import { compilePolicyModel } from '../control/index.ts';
import { compilePoliciesApart } from './policy-compiler.ts';

const model = compilePolicyModel(manifestOf(shopText), new Map());

test('compiles in a process that ends, and leaves nothing of the parser here', async () => {
  const result = await compilePoliciesApart({ model, files: [], weaknesses: [] });
  expect(Object.keys(result)).toContain('policies');
});

test('what is wrong with a policy comes back with its file and line', async () => {
  const files = [{ name: 'policies/a.cedar', text: 'permit (principal, action, resource);\nforbid (principal' }];
  const result = await compilePoliciesApart({ model, files, weaknesses: [] });
  expect(result).toMatchObject({ errors: [{ file: 'policies/a.cedar', line: 2 }] });
});

test('a compilation that the process cannot read is an error with what it said, not a policy set', async () => {
  await expect(compilePoliciesApart({ model: undefined as never, files: [], weaknesses: [] })).rejects.toThrow(
    /the policy compiler ended with code 1/,
  );
});
