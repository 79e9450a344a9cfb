// Random policies, decided by ours and by the official implementation: the same decision, the same determining
// policies, the same erring ones. Types are mixed at random, so that errors are met as often as values.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extensionTexts as texts } from '../../test/fakes/cedar-texts.ts';
import type { ExpressionJson } from '../api/policy.ts';
import { quote } from './cedar-text.ts';
import { loadCedar } from './cedar-wasm.ts';
import { compilePolicySource } from './control.ts';
import { createAuthorizer, type EntityJson, EntityStore, recordOf, uidOf, type ValueJson } from './index.ts';
import { printExpression } from './print-expression.ts';

const runs = Number(process.env.MERLON_CEDAR_RUNS ?? 400);

const users = ['alice', 'bob', 'ghost'].map((id) => ({ type: 'App::User', id }));
const groups = ['staff', 'managers', 'all'].map((id) => ({ type: 'App::Group', id }));
const actions = ['read', 'write'].map((id) => ({ type: 'App::Action', id }));
const documents = ['plan', 'budget'].map((id) => ({ type: 'App::Document', id }));
const folders = ['top', 'sub'].map((id) => ({ type: 'App::Folder', id }));
const uids = [...users, ...groups, ...actions, ...documents, ...folders];

const names = ['a', 'b', 'c', 'n', 's'];
const name = fc.constantFrom(...names);
const uid = fc.constantFrom(...uids);

const extensionText = fc
  .constantFrom(...Object.keys(texts))
  .chain((fn) => fc.record({ fn: fc.constant(fn), arg: fc.constantFrom(...(texts[fn] as string[])) }));
const strings = fc.constantFrom('', 'a', 'ab', 'aab', '*', 'a*b', 'é😀', '\n"\\', 'key');
const longs = fc.constantFrom(0, 1, -1, 2, 7, 1_000_000_007, 2 ** 53 - 1, -(2 ** 53 - 1));
const bigLongs = fc.constantFrom(
  '9223372036854775807',
  '-9223372036854775808',
  '9007199254740993',
  '8000000000000000',
  '-8000000000000001',
);

const { expression } = fc.letrec<{ expression: ExpressionJson; leaf: ExpressionJson; node: ExpressionJson }>((tie) => {
  const pair = fc.record({ left: tie('expression'), right: tie('expression') });
  const binary = (...operators: string[]) =>
    fc.constantFrom(...operators).chain((operator) => pair.map((operands) => ({ [operator]: operands })));
  const unary = (...operators: string[]) =>
    fc.constantFrom(...operators).chain((operator) => tie('expression').map((arg) => ({ [operator]: { arg } })));
  const call = (arity: number, ...functions: string[]) =>
    fc
      .constantFrom(...functions)
      .chain((fn) =>
        fc.array(tie('expression'), { minLength: arity, maxLength: arity }).map((args) => ({ [fn]: args })),
      );
  return {
    leaf: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('principal', 'action', 'resource', 'context').map((Var) => ({ Var })) },
      { weight: 2, arbitrary: fc.boolean().map((Value) => ({ Value })) },
      { weight: 2, arbitrary: strings.map((Value) => ({ Value })) },
      { weight: 2, arbitrary: longs.map((Value) => ({ Value })) },
      { weight: 1, arbitrary: bigLongs.map((Long) => ({ Long })) },
      { weight: 2, arbitrary: uid.map((__entity) => ({ Value: { __entity } })) },
      { weight: 2, arbitrary: extensionText.map(({ fn, arg }) => ({ [fn]: [{ Value: arg }] })) },
      {
        weight: 4,
        arbitrary: fc
          .tuple(fc.constantFrom('principal', 'resource', 'context'), name)
          .map(([Var, attr]) => ({ '.': { left: { Var }, attr } })),
      },
    ),
    node: fc.oneof(
      { weight: 4, arbitrary: binary('&&', '||') },
      { weight: 3, arbitrary: binary('==', '!=') },
      { weight: 3, arbitrary: binary('<', '<=', '>', '>=') },
      { weight: 3, arbitrary: binary('+', '-', '*') },
      { weight: 2, arbitrary: binary('in') },
      { weight: 3, arbitrary: binary('contains', 'containsAll', 'containsAny') },
      { weight: 1, arbitrary: binary('hasTag', 'getTag') },
      { weight: 2, arbitrary: unary('!', 'neg', 'isEmpty') },
      { weight: 2, arbitrary: fc.record({ left: tie('expression'), attr: name }).map((operand) => ({ '.': operand })) },
      {
        weight: 2,
        arbitrary: fc
          .record({ left: tie('expression'), attr: fc.oneof(name, fc.array(name, { minLength: 2, maxLength: 3 })) })
          .map((operand) => ({ has: operand })),
      },
      {
        weight: 1,
        arbitrary: fc
          .record({
            left: tie('expression'),
            pattern: fc.array(
              fc.oneof(
                fc.constant('Wildcard' as const),
                strings.map((Literal) => ({ Literal })),
              ),
              { maxLength: 4 },
            ),
          })
          .map((operand) => ({ like: operand })),
      },
      {
        weight: 1,
        arbitrary: fc
          .record({ left: tie('expression'), entity_type: fc.constantFrom('App::User', 'App::Group') })
          .map((operand) => ({ is: operand })),
      },
      {
        weight: 1,
        arbitrary: fc
          .record({ left: tie('expression'), entity_type: fc.constant('App::User'), in: tie('expression') })
          .map((operand) => ({ is: operand })),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([condition, yes, no]) => ({
          'if-then-else': Object.fromEntries([
            ['if', condition],
            ['then', yes],
            ['else', no],
          ]),
        })),
      },
      { weight: 2, arbitrary: fc.array(tie('expression'), { maxLength: 4 }).map((items) => ({ Set: items })) },
      {
        weight: 1,
        arbitrary: fc.dictionary(name, tie('expression'), { maxKeys: 3 }).map((record) => ({ Record: record })),
      },
      { weight: 2, arbitrary: call(2, 'lessThan', 'greaterThanOrEqual', 'isInRange', 'offset', 'durationSince') },
      {
        weight: 2,
        arbitrary: call(
          1,
          'isIpv4',
          'isIpv6',
          'isLoopback',
          'isMulticast',
          'toDate',
          'toTime',
          'toMilliseconds',
          'toSeconds',
          'toMinutes',
          'toHours',
          'toDays',
        ),
      },
      { weight: 1, arbitrary: call(1, 'ip', 'decimal', 'datetime', 'duration') },
    ),
    expression: fc.oneof({ maxDepth: 4, withCrossShrink: true }, tie('leaf'), tie('node')),
  };
});

const entity = ({ type, id }: { type: string; id: string }): string => `${type}::${quote(id)}`;
const scopeOf = (
  variable: string,
  own: readonly { type: string; id: string }[],
  above: readonly { type: string; id: string }[],
) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(variable) },
    fc.constantFrom(...own).map((one) => `${variable} == ${entity(one)}`),
    fc.constantFrom(...own, ...above).map((one) => `${variable} in ${entity(one)}`),
    fc.constantFrom(...own).map(({ type }) => (variable === 'action' ? 'action' : `${variable} is ${type}`)),
    fc
      .tuple(fc.constantFrom(...own), fc.constantFrom(...above))
      .map(([{ type }, group]) =>
        variable === 'action'
          ? `action in [${entity(actions[0] as never)}, ${entity(group)}]`
          : `${variable} is ${type} in ${entity(group)}`,
      ),
  );

const policyText = fc
  .record({
    effect: fc.constantFrom('permit', 'permit', 'forbid'),
    principal: scopeOf('principal', users, groups),
    action: scopeOf('action', actions, actions),
    resource: scopeOf('resource', documents, folders),
    clauses: fc.array(fc.tuple(fc.constantFrom('when', 'unless'), expression), { maxLength: 2 }),
  })
  .map(({ effect, principal, action, resource, clauses }) => {
    const conditions = clauses.map(([kind, body]) => ` ${kind} { ${printExpression(body)} }`).join('');
    return `${effect}(${principal}, ${action}, ${resource})${conditions};`;
  });

const { value } = fc.letrec<{ value: ValueJson }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    fc.boolean(),
    longs,
    strings,
    uid.map((__entity) => ({ __entity })),
    fc
      .constantFrom(
        { fn: 'ip', arg: '10.0.0.1' },
        { fn: 'ip', arg: '2001:db8::1' },
        { fn: 'decimal', arg: '1.5' },
        { fn: 'datetime', arg: '2024-01-01T12:00:00Z' },
        { fn: 'duration', arg: '36h' },
      )
      .map((__extn) => ({ __extn })),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3 }),
  ),
}));
const fields = fc.dictionary(name, value, { maxKeys: 5 });

/** Parents stand later in the list, so that the hierarchy is a DAG. `ghost` is never stored. */
const store: fc.Arbitrary<EntityJson[]> = fc.tuple(
  ...uids
    .filter(({ id }) => id !== 'ghost')
    .map((own) =>
      fc.record({
        uid: fc.constant(own),
        attrs: fields,
        tags: fields,
        parents: fc.subarray([
          ...(own.type === 'App::User' ? groups : []),
          ...(own.type === 'App::Document' ? folders : []),
        ]),
      }),
    ),
);

const situation = fc.record({
  policies: fc.array(policyText, { minLength: 1, maxLength: 5 }),
  entities: store,
  principal: fc.constantFrom(...users),
  action: fc.constantFrom(...actions),
  resource: fc.constantFrom(...documents),
  context: fields,
});

describe('evaluation, against the official implementation', () => {
  it('agrees on random policies', { timeout: 600_000 }, async () => {
    const cedar = await loadCedar();
    let erring = 0;
    await fc.assert(
      fc.asyncProperty(situation, async ({ policies, entities, principal, action, resource, context }) => {
        const compiled = await compilePolicySource({ files: [{ name: 'random', text: policies.join('\n') }] });
        if ('errors' in compiled) throw new Error(JSON.stringify([policies, compiled.errors]));
        const staticPolicies = Object.fromEntries(
          compiled.snapshot.policies.map(({ id }, at) => [id, policies[at] as string]),
        );
        const answer = cedar.isAuthorized({
          principal,
          action,
          resource,
          context: context as never,
          entities: entities as never,
          policies: { staticPolicies },
        });
        if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
        const ours = createAuthorizer(compiled.snapshot).authorize({
          principal: uidOf(principal),
          action: uidOf(action),
          resource: uidOf(resource),
          context: recordOf(context as never),
          entities: new EntityStore(entities),
        });
        const { decision, diagnostics } = answer.response;
        erring += ours.errors.length;
        expect({
          decision: ours.decision,
          determining: ours.determining.toSorted(),
          erring: ours.errors.map(({ policy }) => policy).toSorted(),
        }).toEqual({
          decision,
          determining: diagnostics.reason.toSorted(),
          erring: diagnostics.errors.map(({ policyId }) => policyId).toSorted(),
        });
      }),
      { numRuns: runs },
    );
    expect(erring).toBeGreaterThan(0);
  });
});
