// Texts of extension values, valid and mutilated: accepted, refused and compared as the official implementation does.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { extensionTexts } from '../../../test/fakes/cedar-texts.ts';
import { quote } from '../cedar-text.ts';
import { loadCedar } from '../cedar-wasm.ts';
import { compilePolicySource } from '../control.ts';
import { createAuthorizer, noEntities, recordOf, uidOf } from '../index.ts';

const runs = Number(process.env.MERLON_CEDAR_RUNS ?? 400);

function mutilated(fn: string): fc.Arbitrary<string> {
  return fc
    .record({
      text: fc.constantFrom(...(extensionTexts[fn] as readonly string[])),
      at: fc.nat(24),
      insert: fc.constantFrom('', '0', '9', '-', '.', ':', '/', 'd', 'Z', '+'),
      replace: fc.boolean(),
    })
    .map(({ text, at, insert, replace }) => text.slice(0, at) + insert + text.slice(at + (replace ? 1 : 0)));
}

/** Two values, compared in the way of their type. */
const comparison = fc.constantFrom(...Object.keys(extensionTexts)).chain((fn) =>
  fc.tuple(mutilated(fn), mutilated(fn)).map((texts) => {
    const [a, b] = texts.map((text) => `${fn}(${quote(text)})`);
    if (fn === 'ip') return `${a}.isInRange(${b})`;
    return fn === 'decimal' ? `${a}.lessThan(${b})` : `${a} < ${b}`;
  }),
);

const user = { type: 'User', id: 'alice' };
const uid = uidOf(user);
const request = { principal: uid, action: uid, resource: uid, context: recordOf({}), entities: noEntities };

it('agrees with the official implementation', { timeout: 600_000 }, async () => {
  const cedar = await loadCedar();
  await fc.assert(
    fc.asyncProperty(comparison, async (body) => {
      const text = `permit(principal, action, resource) when { ${body} };`;
      const compiled = await compilePolicySource({ files: [{ name: 'a', text }] });
      if ('errors' in compiled) throw new Error(JSON.stringify(compiled.errors));
      const { decision, errors } = createAuthorizer(compiled.snapshot).authorize(request);
      const answer = cedar.isAuthorized({
        principal: user,
        action: user,
        resource: user,
        context: {},
        entities: [],
        policies: { staticPolicies: text },
      });
      if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
      const { decision: wanted, diagnostics } = answer.response;
      expect([text, decision, errors.length]).toEqual([text, wanted, diagnostics.errors.length]);
    }),
    { numRuns: runs * 3 },
  );
});
