import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manifestOf } from '../../../test/fakes/manifest.ts';
import { compileWafSection } from './waf.ts';
import { readWafRules, usesWaf } from './waf-rules.ts';

const manifest = (gateway: string, route = '{}') =>
  manifestOf(
    `version: 1
trustDomain: shop.example
gateway: { waf: ${gateway} }
services: { orders: { run: node orders.ts } }
routes:
  - path: /a
    service: orders
    bodyBytes: 64KiB
    waf: ${route}
  - { path: /b, service: orders, waf: { mode: off } }
`,
    { 'rules/a.conf': '', 'crs/rules/a.conf': '' },
  );
const builtin = { ruleSets: [], digest: 'builtin', files: [] };

describe('the section of the WAF', () => {
  test("has the routes where it is on, each with the gateway's settings under its own", () => {
    const section = compileWafSection(manifest('{ paranoia: 2, threshold: 7 }', '{ paranoia: 3 }'), builtin);
    expect(section).toMatchObject({ ruleSets: [], digest: 'builtin', sampling: 100 });
    expect(Object.keys(section?.routes ?? {})).toEqual(['/a']);
    expect(section?.routes['/a']).toEqual({
      mode: 'block',
      paranoia: 3,
      threshold: 7,
      variables: { allowed_methods: 'GET HEAD POST PUT PATCH DELETE OPTIONS' },
      responseBody: false,
      bodyBytes: 65_536,
      streamsBodies: false,
      exclusions: [],
      patches: [],
    });
  });

  test('blocks where the manifest says nothing, and is not there where no route has it', () => {
    expect(compileWafSection(manifest('{}'), builtin)?.routes['/a']?.mode).toBe('block');
    const off = manifest('{ mode: off }');
    expect(compileWafSection(off, builtin)).toBeUndefined();
    expect([usesWaf(off), usesWaf(manifest('{}'))]).toEqual([false, true]);
  });

  test('reads no more of a body than the route takes', () => {
    const bodyBytes = (waf: string) => compileWafSection(manifest('{}', waf), builtin)?.routes['/a']?.bodyBytes;
    expect([bodyBytes('{ bodyBytes: 1KiB }'), bodyBytes('{ bodyBytes: 1MiB }')]).toEqual([1024, 65_536]);
  });

  test('has exclusions in the words of the rules', () => {
    const exclusions = '{ exclusions: [{ rules: 942100, fields: [body.items.*.note, header.X-Note] }, { tag: sqli }] }';
    expect(compileWafSection(manifest('{}', exclusions), builtin)?.routes['/a']?.exclusions).toEqual([
      {
        rules: '942100',
        targets:
          'ARGS:/^json\\.items\\.[^.]{1,128}\\.note$/|ARGS_POST:/^json\\.items\\.[^.]{1,128}\\.note$/|ARGS:/^items\\.[^.]{1,128}\\.note$/|ARGS_POST:/^items\\.[^.]{1,128}\\.note$/|REQUEST_HEADERS:X-Note',
      },
      { tag: 'sqli' },
    ]);
  });

  test('has patches as rules, those of the simple form too', () => {
    const patch = (match: string) =>
      `{ patches: [{ id: X, match: ${match}, owner: a, reason: b, expires: 2027-01-01 }] }`;
    const seclang = (match: string) =>
      compileWafSection(manifest('{}', patch(match)), builtin)?.routes['/a']?.patches[0]?.seclang;
    expect(seclang('{ field: query.q, contains: "{{" }')).toBe(
      `SecRule ARGS:q|ARGS_GET:q "@contains {{" "id:9900000,phase:2,deny,status:403,log,t:none,msg:'Virtual patch X',severity:'CRITICAL',tag:'virtual-patch'"`,
    );
    expect(seclang('{ field: query.q, matches: ^a, methods: [POST, PUT] }')).toMatch(
      /^SecRule REQUEST_METHOD "@within POST PUT" "id:9900000,[^"]*,chain"\nSecRule ARGS:q\|ARGS_GET:q "@rx \^a" "t:none"$/,
    );
  });
});

describe('rules', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'merlon-rules-'));
    const files = {
      'crs/crs-setup.conf.example': '# setup',
      'crs/rules/B.conf': '# b',
      'crs/rules/A.conf': '# a',
      'crs/rules/words.data': 'word',
      'crs/plugins/x-before.conf': '# before',
      'crs/plugins/x-after.conf': '# after',
      'own/b.conf': '# b',
      'own/crs-setup.conf': '# setup',
      'debian/share/rules/A.conf': '# a',
      'debian/etc/REQUEST-900-BEFORE.conf': '# before',
      'debian/etc/RESPONSE-999-AFTER.conf': '# after',
      'debian/etc/crs-setup.conf': '# setup',
      'empty/readme.md': '',
    };
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const read = (rules: string, crs?: { setup: string; rules: string }) => {
    const base = manifest('{}');
    return readWafRules({ ...base, gateway: { ...base.gateway, waf: { ...base.gateway.waf, rules } } }, folder, crs);
  };
  const texts = (rules: string, crs?: { setup: string; rules: string }) =>
    read(rules, crs)?.ruleSets[0]?.files.map(({ text }) => text);

  test('of a checkout come with its setup first and its plugins around them', () => {
    expect(texts('./crs')).toEqual(['# setup', '# before', '# a', '# b', '# after']);
    expect(read('./crs')?.ruleSets[0]?.data).toEqual({ 'words.data': 'word' });
  });

  test('of Debian are found where its package puts them', () => {
    const crs = { setup: join(folder, 'debian/etc'), rules: join(folder, 'debian/share') };
    expect(texts('crs', crs)).toEqual(['# setup', '# before', '# a', '# after']);
    expect(() => read('crs', { setup: crs.setup, rules: join(folder, 'nowhere') })).toThrow(
      expect.objectContaining({ code: 'waf.no-rules', hint: expect.stringContaining('modsecurity-crs') }),
    );
  });

  test('may be a folder or a file; what is looked at is watched', () => {
    expect(texts('own')).toEqual(['# setup', '# b']);
    expect(texts('own/b.conf')).toEqual(['# b']);
    expect(read('own')?.files).toEqual(expect.arrayContaining([join(folder, 'own'), join(folder, 'own/b.conf')]));
    for (const none of ['empty', 'nowhere'])
      expect(() => read(none)).toThrow(expect.objectContaining({ code: 'waf.no-rules' }));
  });

  test('have a digest that changes with them alone', () => {
    const before = read('own')?.digest;
    expect(read('own')?.digest).toBe(before);
    writeFileSync(join(folder, 'own/b.conf'), '# other');
    expect(read('own')?.digest).not.toBe(before);
  });
});
