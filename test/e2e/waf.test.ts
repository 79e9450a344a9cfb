// The firewall of a running platform: rules of one's own, changed while it serves; why something was refused; tuning
// from the ledger.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputOf, type Platform, startPlatform, until } from './platform.ts';

const ruleFor = (word: string): string =>
  `SecRule ARGS "@contains ${word}" "id:1,phase:2,deny,status:403,log,msg:'A word that is not wanted',severity:'CRITICAL'"\n`;

let platform: Platform;
let call: Platform['call'];
let rules: string;

beforeAll(async () => {
  platform = await startPlatform({
    edit: (text) =>
      text
        .replace('\ngateway:\n', '\ngateway:\n  waf: { rules: waf }\n')
        .replaceAll(/per(Ip|User): \d+\/min/g, 'per$1: 100000/min')
        .replace('PUT: [legacy:write] }', 'PUT: [legacy:write] }\n    validate: { requests: off }'),
    prepare: (folder) => {
      mkdirSync(join(folder, 'waf'));
      rules = join(folder, 'waf', 'own.conf');
      writeFileSync(rules, ruleFor('sencha'));
    },
  });
  call = platform.call;
}, 90_000);

afterAll(() => platform?.stop(), 60_000);

const search = (word: string) => call(`/api/legacy/search?q=${word}`, { as: 'alice' });
const statusOf = async (word: string): Promise<number> => (await search(word)).status;

describe('rules of one’s own', () => {
  it('refuse, and the operator reads which of them, where, and what it saw', async () => {
    const refused = await search('xsenchax');
    expect(refused.status, refused.text).toBe(403);
    expect(refused.json).toMatchObject({ code: 'waf.denied' });
    expect(refused.text).not.toMatch(/sencha|ARGS|own\.conf/);
    const told = (await platform.explain(refused.decision)).replaceAll(/[\s│]+/g, ' ');
    expect(told).toMatch(/◀ decided here/);
    expect(told).toContain('ARGS:q = xxxxxxxx');
    expect(told).toContain('add `{ rules: 1, fields: [query.q] }` to the `waf.exclusions` of this route');
  });

  it('change while requests run; a broken rule changes nothing and is told with its line', async () => {
    expect(await statusOf('kettle')).toBe(200);
    writeFileSync(rules, ruleFor('kettle'));
    await until('the new rule is in force', async () => (await statusOf('kettle')) === 403);
    expect(await statusOf('sencha')).toBe(200);
    writeFileSync(rules, `# a comment\n${ruleFor('cup').replace('@contains', '@nonsense')}`);
    await until('the fault is told', () => platform.output().includes('own.conf:2: there is no operator `@nonsense`'));
    expect(await statusOf('kettle')).toBe(403);
    const { code, stderr } = await platform.merlon('validate');
    expect([code, stderr]).toEqual([65, expect.stringContaining('own.conf:2')]);
    writeFileSync(rules, ruleFor('sencha'));
    await until('the first rule is in force again', async () => (await statusOf('kettle')) === 200);
  });
});

it('tunes from what the ledger holds: a refused request that its operator knows to be harmless', async () => {
  const { decision } = await search('sencha');
  await platform.explain(decision);
  const fragment = outputOf(await platform.merlon('waf', 'tune', '--decision', decision));
  expect(fragment).toContain('- path: /api/legacy');
  expect(fragment).toContain(
    '{ rules: 1, fields: ["query.q"], reason: "A word that is not wanted: 1 harmless request" }',
  );
  const recorded = outputOf(await platform.merlon('waf', 'test', '--recorded'));
  expect(recorded).toContain(decision);
});
