import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { jsonProcessor } from './body/json.ts';
import { createPlaces } from './body/places.ts';
import { idleRules } from './engine/idle.ts';
import { compileRuleSet, createWorkshop } from './engine/rule-set.ts';
import { compileWaf, defaultWafOptions, type RouteWaf, type WafRequest } from './index.ts';
import { kindsIn, pairedSpace } from './match/byte-kinds.ts';
import { buildSieve, hasBit } from './match/sieve.ts';
import { createText, createTextMemory } from './match/text.ts';
import { compileRegex } from './regex/regex.ts';

const source = (text: string) => ({ name: 'x', files: [{ name: 'x.conf', text }], data: {} });

const idleIn = (text: string): number[] =>
  [...idleRules([compileRuleSet(source(text), createWorkshop())])].map(({ id }) => id).sort();

describe('rules that need not run', () => {
  it('are those that write what nobody reads', () => {
    const rules = `
      SecAction "id:1,phase:1,nolog,pass,setvar:tx.unread=%{tx.only_for_it}"
      SecAction "id:2,phase:1,nolog,pass,setvar:tx.only_for_it=1"
      SecAction "id:3,phase:1,nolog,pass,setvar:tx.told=1"
      SecAction "id:4,phase:1,nolog,pass,setvar:tx.my_score=1"
      SecAction "id:5,phase:1,nolog,pass,setvar:tx.by_pattern=1"
      SecRule TX:/^by_p/ "@eq 1" "id:6,phase:2,deny,logdata:'%{tx.told}'"`;
    expect(idleIn(rules)).toEqual([1, 2]);
  });

  it('are those that ask for what nobody writes', () => {
    const rules = `
      SecAction "id:1,phase:1,nolog,pass,setvar:ip.counter=+1"
      SecRule IP:counter "@gt 5" "id:2,phase:2,deny"
      SecRule IP:blocked "@eq 1" "id:3,phase:2,deny"
      SecRule &IP:blocked "@eq 0" "id:4,phase:2,deny"`;
    expect(idleIn(rules)).toEqual([3]);
  });
});

function request(headers: readonly (readonly [string, string])[], uri = '/'): WafRequest {
  return { method: 'GET', uri, protocol: 'HTTP/1.1', headers, remoteAddress: '192.0.2.1', id: 'x' };
}

const block = (text: string): RouteWaf => compileWaf({ ruleSets: [source(text)] }, new ManualClock()).route({});

describe('a chain over header names that came to nothing', () => {
  const route = block(`
    SecRuleEngine On
    SecRule REQUEST_HEADERS_NAMES "@rx ^.*$" "id:1,phase:1,deny,capture,t:lowercase,setvar:tx.name_%{tx.0}=/%{tx.0}/,chain"
      SecRule TX:/^name_/ "@within /proxy/ /if/"
    SecRule TX:name_x-mark "@streq /x-mark/" "id:2,phase:1,deny,status:400"`);
  const status = (...names: readonly string[]): number | undefined =>
    route.inspect(request(names.map((name) => [name, 'a'])))?.status;

  it('is remembered for these names alone', () => {
    for (let turn = 0; turn < 3; turn += 1) {
      expect(status('Host', 'Accept')).toBeUndefined();
      expect(status('Host', 'Accept', 'Proxy')).toBe(403);
      expect(status('Proxy')).toBe(403);
    }
  });

  it('still leaves behind what another rule reads', () => {
    for (let turn = 0; turn < 3; turn += 1) expect(status('Host', 'X-Mark')).toBe(400);
  });
});

describe('a chain whose links are asked first', () => {
  const route = block(`
    SecRuleEngine On
    SecRule REQUEST_METHOD "@streq GET" "id:1,phase:1,deny,chain"
      SecRule &REQUEST_HEADERS:X-A "@gt 1" "chain"
        SecRule REQUEST_URI "@contains b"`);

  it('matches where all of them hold, and only there', () => {
    const two = [
      ['X-A', '1'],
      ['x-a', '2'],
    ] as const;
    expect(route.inspect(request(two, '/b'))?.status).toBe(403);
    expect(route.inspect(request(two, '/c'))).toBeUndefined();
    expect(route.inspect(request(two.slice(1), '/b'))).toBeUndefined();
  });
});

describe('the sieve', () => {
  const words = compileRegex('z(?:ip(?:info|note)?["\']?|athura|cat)');
  const sieve = buildSieve(0, [
    words.requirements,
    { literals: ['or', 'select'], sets: [], minLength: 2, endsWord: true },
  ]);
  const candidates = (raw: string): boolean[] => {
    const bits = sieve.candidates(createText(raw));
    return [hasBit(bits, 0), hasBit(bits, 1)];
  };

  it('knows the beginnings of what an expression matches', () => {
    expect(candidates('a zebra')).toEqual([false, false]);
    expect(['zip', 'zipnote', 'zathura', 'zcat'].map((word) => candidates(word)[0])).toEqual(Array(4).fill(true));
  });

  it('tells a word that ends from the letters of another', () => {
    expect(['forest', 'selected', 'orc'].map((word) => candidates(word)[1])).toEqual([false, false, false]);
    expect(['this or that', 'a OR(b', '1or', 'select'].map((word) => candidates(word)[1])).toEqual(Array(4).fill(true));
  });

  it('answers the same for a few patterns, and after others have been asked about', () => {
    const texts = ['zip or', 'zip', 'or', 'calm', '"zip" or <b>'].map(createText);
    const first = texts.map((text) => [...sieve.candidates(text)]);
    expect(texts.map((text) => [...sieve.few(text, [0, 1])])).toEqual(first);
    for (let turn = 0; turn < 40; turn += 1) sieve.candidates(createText(`zip ${turn}`));
    expect(texts.map((text) => [...sieve.candidates(text)])).toEqual(first);
  });
});

describe('spaces', () => {
  it('of prose are told from those that commands hide behind', () => {
    const isPaired = (text: string): boolean => (kindsIn(text) & pairedSpace) !== 0;
    expect(['a b c', 'a b/c (', ' a '].map(isPaired)).toEqual([false, true, false]);
    expect(['a  b', 'cat /etc', 'f (x)'].map(isPaired)).toEqual([true, true, true]);
  });
});

describe('names of fields', () => {
  it('are the same whether they are kept or made anew', () => {
    const body = '{"a/b":{"~c":[1,[2,{"d":3}]]},"a/b":4}';
    const read = () => jsonProcessor(body, '', { maxFields: 20, maxDepth: 9 }).fields;
    const first = read();
    expect(first.map(({ name }) => name)).toEqual([
      'json.a/b.~c.0',
      'json.a/b.~c.1.0',
      'json.a/b.~c.1.1.d',
      'json.a/b',
    ]);
    expect(first[2]?.pointer).toBe('/a~1b/~0c/*/*/d');
    expect(read()).toEqual(first);
  });

  it('are bounded, whatever is sent', () => {
    const places = createPlaces('json');
    const known = places.member(places.root(), 'a');
    for (let at = 0; at < 5000; at += 1) places.member(places.root(), `key ${at}`);
    expect(places.member(places.root(), 'a')).not.toBe(known);
    expect(places.member(places.root(), 'x'.repeat(300))).not.toBe(places.member(places.root(), 'x'.repeat(300)));
  });
});

describe('texts', () => {
  it('are remembered when they come a second time', () => {
    const memory = createTextMemory();
    expect(memory.recall('once')).not.toBe(memory.recall('once'));
    expect(memory.recall('once')).toBe(memory.recall('once'));
  });
});

describe('texts of ever other kinds', () => {
  const attacks = [
    "1' or '1'='1",
    '<script>alert(1)</script>',
    '/etc/./passwd',
    '{{7*7}}',
    '; cat /etc/passwd',
    '%27+or+1=1--',
  ];
  const signs = '!"#$%&()*+,-./:;<=>?@[]^_`{|}~ abcXYZ019\t\\';
  let lot = 5;
  const draw = (most: number): number => ((lot = (Math.imul(lot, 1_664_525) + 1_013_904_223) >>> 0) % 65_521) % most;
  const motley = (): string => Array.from({ length: 1 + draw(24) }, () => signs[draw(signs.length)]).join('');
  const value = (index: number): string =>
    index % 5 === 0 ? `${motley()}${attacks[draw(attacks.length)]}${motley()}` : motley();

  it('are judged as each by itself would be, whatever plans were made for those before', () => {
    const clock = new ManualClock();
    const quick = compileWaf({}, clock).route({});
    const slow = compileWaf({}, clock, { ...defaultWafOptions, exhaustive: true }).route({});
    const found = (route: RouteWaf, text: string): number[] =>
      route.examine(request([], `/?q=${encodeURIComponent(text)}`)).matches.map(({ id }) => id);
    // More kinds than there are plans; then the plans for all have their turn, then new ones.
    for (let index = 0; index < 6000; index += 1) found(quick, value(1));
    for (let index = 0; index < 500; index += 1) {
      const text = value(index);
      expect([text, ...found(quick, text)]).toEqual([text, ...found(slow, text)]);
    }
  }, 60_000);
});
