import { expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { MemoryStore } from '../../test/fakes/store.ts';
import { compilePoliciesOnce } from './policy-cache.ts';

const model = {
  services: [{ name: 'a' }],
  routes: [{ path: '/a', service: 'a', auth: 'required' as const }],
  operations: [],
};
const file = { name: 'a.cedar', text: 'forbid (principal, action, resource) when { context.host == "x" };' };

async function kept(store: MemoryStore): Promise<number | undefined> {
  return (await store.get('policy/compiled'))?.version;
}

test('the same input is compiled once; any change compiles anew; what does not hold is not kept', async () => {
  const store = new MemoryStore(new ManualClock());
  const first = await compilePoliciesOnce({ model, files: [file], weaknesses: [] }, store);
  expect(await compilePoliciesOnce({ model, files: [file], weaknesses: [] }, store)).toMatchObject({
    policies: (first as { policies: object }).policies,
  });
  expect(await kept(store)).toBe(1);
  await compilePoliciesOnce({ model, files: [], weaknesses: [] }, store);
  expect(await kept(store)).toBe(2);
  expect(
    await compilePoliciesOnce({ model, files: [{ ...file, text: 'permit (' }], weaknesses: [] }, store),
  ).toHaveProperty('errors');
  expect(await kept(store)).toBe(2);
});
