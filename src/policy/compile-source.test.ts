import { describe, expect, it } from 'vitest';
import type { PolicyProblem, PolicySnapshot } from '../api/policy.ts';
import { loadCedar } from './cedar-wasm.ts';
import { compilePolicySource, type PolicySource } from './control.ts';
import { createAuthorizer, noEntities, recordOf, uidOf } from './index.ts';

const schema = `
  entity Group;
  entity User in [Group] { age: Long };
  action "read" in ["any"] appliesTo { principal: User, resource: Group, context: { level: Long, name?: String } };
  action "any";
`;

async function snapshotOf(source: PolicySource): Promise<PolicySnapshot> {
  const compiled = await compilePolicySource(source);
  if ('errors' in compiled) throw new Error(JSON.stringify(compiled.errors, null, 1));
  return compiled.snapshot;
}

async function errorsOf(source: PolicySource): Promise<readonly PolicyProblem[]> {
  const compiled = await compilePolicySource(source);
  return 'errors' in compiled ? compiled.errors : [];
}

const request = (level: number | bigint, id = 'alice') => ({
  principal: uidOf({ type: 'User', id }),
  action: uidOf({ type: 'Action', id: 'read' }),
  resource: uidOf({ type: 'Group', id: 'all' }),
  context: recordOf({ level }),
  entities: noEntities,
});

describe('compiling policies', () => {
  it('reports every error at once, where it stands', async () => {
    const files = [
      {
        name: 'a.cedar',
        text: '// é😀 counts for more bytes than columns\npermit(principal, action, resource) when { "é😀" + };\n\nforbid(principal);\n',
      },
      {
        name: 'b.cedar',
        text: 'permit(principal, action, resource) when {\n  context has name && "é" == context.name && principal.size > 1\n};\n',
      },
    ];
    const errors = await errorsOf({ files, schema });
    expect(errors.map(({ code, file, line, column }) => `${code} ${file}:${line}:${column}`)).toEqual([
      'policy.syntax a.cedar:2:52',
      'policy.syntax a.cedar:4:17',
      'policy.syntax a.cedar:4:17',
      'policy.invalid b.cedar:2:46',
    ]);
    expect(errors[0]).toMatchObject({ message: 'unexpected token `}`' });
    expect(errors[3]?.message).toContain('attribute `size` on entity type `User` not found');
  });

  it('reports a policy that is not ended, and text that is no policy', async () => {
    const errors = await errorsOf({
      files: [{ name: 'a', text: 'permit(principal, action, resource)\n  when { true }' }],
    });
    expect(errors).toMatchObject([{ code: 'policy.syntax', file: 'a', line: 2 }]);
    expect(await errorsOf({ files: [{ name: 'a', text: 'hello "' }] })).toMatchObject([{ code: 'policy.syntax' }]);
    expect(await errorsOf({ files: [{ name: 'a', text: '// nothing\n' }] })).toEqual([]);
  });

  it('refuses an id that is taken, in whatever file', async () => {
    const files = ['a', 'b'].map((name) => ({ name, text: '\n@id("x") permit(principal, action, resource);' }));
    const [error] = await errorsOf({ files, schema });
    expect(error).toMatchObject({
      code: 'policy.duplicate-id',
      file: 'b',
      line: 2,
      message: 'policy id `x` is taken by a:2',
    });
  });

  it('names policies by their place where they have no id', async () => {
    const text = 'permit(principal, action, resource); forbid(principal, action, resource);';
    const { policies } = await snapshotOf({ files: [{ name: 'a', text }] });
    expect(policies.map(({ id }) => id)).toEqual(['a:1', 'a:1:38']);
  });

  it('warns of a policy that can never apply', async () => {
    const text = 'permit(principal is Group, action, resource);';
    const compiled = await compilePolicySource({ files: [{ name: 'a', text }], schema });
    expect(compiled).toMatchObject({
      warnings: [{ file: 'a', line: 1, policy: 'a:1' }, { message: expect.stringContaining('impossible') }],
    });
  });

  it('refuses a schema that is none', async () => {
    const errors = await errorsOf({ files: [], schema: 'entity' });
    expect(errors).toMatchObject([{ code: 'policy.schema' }]);
  });

  it('keeps each clause as written, its parts and their lines', async () => {
    const text = [
      'permit(principal, action, resource) when {',
      '  // the level',
      '  context.level > 1 && // and',
      '  (principal.age > 2 || context.level == 9)',
      '} unless { context.level == 3 || "}" == "\\"" };',
    ].join('\n');
    const { policies } = await snapshotOf({ files: [{ name: 'a', text }], schema });
    expect(policies[0]?.clauses).toEqual([
      {
        kind: 'when',
        line: 1,
        text: 'when { context.level > 1 && (principal.age > 2 || context.level == 9) }',
        parts: [
          { line: 3, text: 'context.level > 1' },
          { line: 4, text: '(principal.age > 2 || context.level == 9)' },
        ],
      },
      {
        kind: 'unless',
        line: 5,
        text: 'unless { context.level == 3 || "}" == "\\"" }',
        parts: [
          { line: 5, text: 'context.level == 3' },
          { line: 5, text: '"}" == "\\""' },
        ],
      },
    ]);
  });

  it('takes the action groups from the schema', async () => {
    const text = 'permit(principal, action in Action::"any", resource);';
    const snapshot = await snapshotOf({ files: [{ name: 'a', text }], schema });
    expect(createAuthorizer(snapshot).authorize(request(1)).decision).toBe('allow');
  });

  it('gives plain data, which survives JSON', async () => {
    const text =
      'permit(principal, action, resource) when { {"__proto__": 1} has "__proto__" && context.level < 9007199254740993 };';
    const snapshot = await snapshotOf({ files: [{ name: 'a', text }], schema });
    const copy = JSON.parse(JSON.stringify(snapshot)) as PolicySnapshot;
    expect(copy).toEqual(snapshot);
    expect(createAuthorizer(copy).authorize(request(1)).decision).toBe('allow');
  });

  it.each(['9223372036854775807', '-9223372036854775808', '9007199254740993', '8000000000000000', '-8000000000000001'])(
    'keeps the integer %s exact',
    async (digits) => {
      const text = `permit(principal, action, resource) when { ${digits} == context.level };`;
      const authorizer = createAuthorizer(await snapshotOf({ files: [{ name: 'a', text }] }));
      expect(authorizer.authorize(request(BigInt(digits))).decision).toBe('allow');
      const near = BigInt(digits) + (digits.startsWith('-') ? 1n : -1n);
      expect(authorizer.authorize(request(near)).decision).toBe('deny');
    },
  );

  it('refuses what would exhaust the parser, which parses on', async () => {
    const nested = (open: string, close: string, count: number): string =>
      `permit(principal, action, resource) when { ${open.repeat(count)}true${close.repeat(count)} };`;
    const sources = [nested('(', ')', 5000), nested('if true then true else ', '', 5000), nested('true && ', '', 5000)];
    const errors = await errorsOf({ files: sources.map((text, at) => ({ name: `${at}`, text })) });
    expect(errors.map(({ code }) => code)).toEqual(Array(3).fill('policy.too-complex'));
    // All bounds at once.
    const body = `${'('.repeat(15)}${'if true then true else ('.repeat(15)}${'true && '.repeat(450)}true${')'.repeat(30)}`;
    await snapshotOf({ files: [{ name: 'a', text: `permit(principal, action, resource) when { ${body} };` }], schema });
    const cedar = await loadCedar();
    expect(cedar.policyToJson(nested('(', ')', 1)).type).toBe('success');
  });
});

describe('template links', () => {
  const files = [{ name: 'a', text: '@id("t") permit(principal == ?principal, action, resource in ?resource);' }];
  const alice = { type: 'User', id: 'alice' };
  const all = { type: 'Group', id: 'all' };

  it('make a policy of a template', async () => {
    const links = [{ id: 'alice-reads', template: 't', slots: { '?principal': alice, '?resource': all } }];
    const authorizer = createAuthorizer(await snapshotOf({ files, schema, links }));
    expect(authorizer.authorize(request(1))).toMatchObject({ decision: 'allow', determining: ['alice-reads'] });
    expect(authorizer.authorize(request(1, 'bob')).decision).toBe('deny');
  });

  it('are refused without their template, a value of each slot, or an id of their own', async () => {
    const slots = { '?principal': alice, '?resource': all };
    const links = [
      { id: 'x', template: 'nope', slots },
      { id: 'y', template: 't', slots: { '?principal': alice } },
      { id: 't', template: 't', slots },
    ];
    const errors = await errorsOf({ files, schema, links });
    expect(errors.map(({ code, policy }) => `${code} ${policy}`).sort()).toEqual([
      'policy.duplicate-id t',
      'policy.link x',
      'policy.link y',
    ]);
  });

  it('are validated: a slot of a type that the schema excludes', async () => {
    const links = [{ id: 'x', template: 't', slots: { '?principal': { type: 'Nobody', id: '' }, '?resource': all } }];
    const errors = await errorsOf({ files, schema, links });
    expect(errors[0]).toMatchObject({ code: 'policy.invalid', policy: 'x' });
  });
});
