import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import type { RouteWafConfig } from '../api/waf.ts';
import { compileWaf, type RouteWaf, type WafRequest } from './index.ts';

const clock = new ManualClock();
const builtin = compileWaf({}, clock);

const request = (uri: string, more: Partial<WafRequest> = {}): WafRequest => ({
  method: 'GET',
  uri,
  protocol: 'HTTP/1.1',
  headers: [
    ['Host', 'shop.example'],
    ['User-Agent', 'test'],
  ],
  remoteAddress: '192.0.2.7',
  id: 'r-1',
  ...more,
});

const injection = "/orders?id=1'%20or%20'1'='1";

/** A WAF of these rules alone. */
function rules(text: string, config: Partial<RouteWafConfig> = {}): RouteWaf {
  const ruleSets = [
    { name: 'test', files: [{ name: 'test.conf', text }], data: { 'words.data': '# words\nalpha\nbeta gamma\n' } },
  ];
  return compileWaf({ ruleSets }, clock).route({ mode: 'block', ...config });
}

const firing = (waf: RouteWaf, one: WafRequest): number[] => waf.examine(one).matches.map(({ id }) => id);

describe('modes', () => {
  it('blocks an attack, and lets it pass when it is off', () => {
    expect(builtin.route({ mode: 'block' }).inspect(request(injection))?.status).toBe(403);
    expect(builtin.route({ mode: 'off' }).inspect(request(injection))).toBeUndefined();
  });

  it('records in detect what it would block', () => {
    const report = builtin.route({ mode: 'detect' }).examine(request(injection));
    expect(report.denial).toBeUndefined();
    expect(report.wouldDeny?.status).toBe(403);
    expect(report.scores.blocking_inbound_anomaly_score).toBeGreaterThanOrEqual(5);
  });

  it('says which rule and which field decided, and hides the value', () => {
    const denial = builtin.route({ mode: 'block' }).inspect(request(injection));
    expect(denial?.reason).toMatchObject({ filter: 'waf', code: 'waf.denied', rule: '3000', claim: 'ARGS:id' });
    const report = builtin.route({ mode: 'block' }).examine(request("/?pin=secret4711'%20or%20'1'='1"));
    expect(JSON.stringify(report)).not.toMatch(/secret4711/);
    expect(report.matches[0]?.variables[0]?.masked).toMatch(/^xxxxxx9999' xx /);
  });

  it('does not let a rule turn on what the operator has turned down', () => {
    const waf = rules(
      'SecAction "id:1,phase:1,pass,nolog,ctl:ruleEngine=On"\nSecRule ARGS:a "@streq x" "id:2,phase:1,deny"',
      { mode: 'detect' },
    );
    expect(waf.inspect(request('/?a=x'))).toBeUndefined();
  });
});

describe('a route', () => {
  it('leaves out rules, by id and by tag', () => {
    const exclusions = [{ rules: '3000-3099' }, { tag: 'attack-sqli' }];
    for (const exclusion of exclusions) {
      expect(builtin.route({ mode: 'block', exclusions: [exclusion] }).inspect(request(injection))).toBeUndefined();
    }
  });

  it('leaves out one field, and no other', () => {
    const route = builtin.route({ mode: 'block', exclusions: [{ tag: 'attack-sqli', targets: 'ARGS:id' }] });
    expect(route.inspect(request(injection))).toBeUndefined();
    expect(route.inspect(request(injection.replace('id=', 'name=')))?.status).toBe(403);
  });

  it('raises the threshold', () => {
    expect(builtin.route({ mode: 'block', threshold: 100 }).inspect(request(injection))).toBeUndefined();
  });

  it('runs a virtual patch until it expires', () => {
    const local = new ManualClock();
    const patch = {
      id: 'CVE-2026-0001',
      owner: 'ann',
      reason: 'until 2.3.1 is out',
      expires: new Date(local.now() + 60_000).toISOString(),
      seclang: 'SecRule ARGS:template "@rx ^/" "id:1,phase:2,deny,status:403,msg:\'hole\'"',
    };
    const route = compileWaf({}, local).route({ mode: 'block', patches: [patch] });
    expect(route.inspect(request('/?template=/x'))?.status).toBe(403);
    local.advance(60_000);
    expect(route.inspect(request('/?template=/x'))).toBeUndefined();
  });

  it('does not show attack rules what the schema pins down', () => {
    const pinned = builtin.route({ mode: 'block' }, [{ in: 'query', name: 'id', kind: 'integer' }]);
    expect(pinned.inspect(request(injection))).toBeUndefined();
    expect(pinned.inspect(request(injection.replace('id=', 'q=')))?.status).toBe(403);
  });
});

describe('bodies', () => {
  const post = (type: string, body: string): WafRequest =>
    request('/orders', {
      method: 'POST',
      headers: [
        ['Host', 'shop.example'],
        ['Content-Type', type],
      ],
      body: Buffer.from(body),
    });
  const route = builtin.route({ mode: 'block' });

  it('finds an attack in each kind of body', () => {
    const attack = "x' or '1'='1";
    expect(route.inspect(post('application/x-www-form-urlencoded', `a=${encodeURIComponent(attack)}`))?.status).toBe(
      403,
    );
    expect(route.inspect(post('application/json', JSON.stringify({ a: [{ b: attack }] })))?.status).toBe(403);
    expect(route.inspect(post('application/vnd.api+json; charset=utf-8', JSON.stringify([attack])))?.status).toBe(403);
    expect(route.inspect(post('application/xml', `<a><b>${attack}</b></a>`))?.status).toBe(403);
    expect(route.inspect(post('text/xml', `<a b="x' or 1=1--"/>`))?.status).toBe(403);
    const part = `--q\r\nContent-Disposition: form-data; name="a"\r\n\r\n${attack}\r\n--q--\r\n`;
    expect(route.inspect(post('multipart/form-data; boundary=q', part))?.status).toBe(403);
  });

  it('looks into a body whose type tells nothing, but not into pictures', () => {
    const attack = `{"a":"x' or '1'='1"}`;
    expect(route.inspect(post('text/plain', attack))?.status).toBe(403);
    expect(route.inspect({ ...post('', attack), headers: [['Host', 'shop.example']] })?.status).toBe(403);
    expect(route.inspect(post('text/plain', 'a plain note'))).toBeUndefined();
    expect(route.inspect(post('image/png', `\x89PNG ${attack}`))).toBeUndefined();
  });

  it('refuses a body that it cannot read, for a server behind might', () => {
    expect(route.inspect(post('application/json', '{"a":'))?.status).toBe(400);
    expect(route.inspect(post('application/xml', '<a><b></a>'))?.status).toBe(400);
    expect(
      route.inspect(post('multipart/form-data; boundary=q', '--q\r\nContent-Disposition: form-data; name="a"\r\n\r\nx'))
        ?.status,
    ).toBe(400);
    expect(route.inspect(post('application/json', `${'['.repeat(200)}${']'.repeat(200)}`))?.status).toBe(400);
    expect(route.inspect(post('application/json', '{"a":"plain"}'))).toBeUndefined();
  });

  it('sees the first of two equal keys', () => {
    expect(route.inspect(post('application/json', `{"a":"x' or '1'='1","a":"fine"}`))?.status).toBe(403);
  });

  it('names what is odd about a multipart body', () => {
    const waf = rules('SecRule MULTIPART_STRICT_ERROR "@eq 1" "id:5,phase:2,deny,status:400"');
    expect(
      waf.inspect(post('multipart/form-data; boundary=q', "--q\nContent-Disposition: form-data; name='a'\n\nx\n--q--"))
        ?.status,
    ).toBe(400);
  });
});

describe('responses', () => {
  it('stops a body that rules do not let out', () => {
    const waf = rules('SecRule RESPONSE_BODY "@rx ORA-\\d{5}" "id:7,phase:4,deny,status:502"', { responseBody: true });
    const inspection = waf.open(request('/'));
    expect(inspection.requestHead() ?? inspection.requestBody()).toBeUndefined();
    expect(
      inspection.responseHead({ status: 200, protocol: 'HTTP/1.1', headers: [['Content-Type', 'text/html']] }),
    ).toBeUndefined();
    expect(inspection.responseBody(Buffer.from('ORA-01756: quoted string'))?.status).toBe(502);
    expect(inspection.finish().matches.map(({ id }) => id)).toEqual([7]);
  });
});

describe('the language', () => {
  it('chains, counts, excludes, captures and computes', () => {
    const waf = rules(`
SecRule ARGS "@rx ^(\\w+)-(\\d+)$" "id:1,phase:2,pass,capture,nolog,setvar:tx.sum=+%{tx.2},setvar:'tx.name_%{tx.1}=yes',chain"
  SecRule ARGS_NAMES "@streq go" "setvar:tx.chained=1"
SecRule &ARGS:/^x/ "@eq 2" "id:2,phase:2,pass"
SecRule ARGS|!ARGS:b "@streq secret" "id:3,phase:2,pass"
SecRule TX:SUM "@eq 12" "id:4,phase:2,pass"
SecRule TX:/^name_/ "@streq yes" "id:5,phase:2,pass"
SecRule &TX:chained "@eq 1" "id:6,phase:2,pass"
SecRule ARGS:go "!@streq never" "id:7,phase:2,pass"
SecRule ARGS "@pmFromFile words.data" "id:8,phase:2,pass"`);
    expect(firing(waf, request('/?x1=a-5&x2=b-7&go=1&b=secret'))).toEqual([2, 4, 5, 6, 7]);
    expect(firing(waf, request('/?a=secret&b=secret&c=Beta%20Gamma'))).toEqual([3, 8]);
  });

  it('skips to markers, and by count', () => {
    const waf = rules(`
SecRule ARGS:a "@eq 1" "id:1,phase:2,pass,nolog,skipAfter:END"
SecAction "id:2,phase:2,pass"
SecMarker END
SecRule ARGS:a "@eq 2" "id:3,phase:2,pass,nolog,skip:1"
SecAction "id:4,phase:2,pass"
SecAction "id:5,phase:2,pass"`);
    expect(firing(waf, request('/?a=1'))).toEqual([4, 5]);
    expect(firing(waf, request('/?a=2'))).toEqual([2, 5]);
  });

  it('takes rules and targets out, when it loads and while it runs', () => {
    const waf = rules(`
SecRule ARGS "@streq bad" "id:10,phase:2,pass,tag:'t'"
SecRule ARGS "@streq bad" "id:11,phase:2,pass,tag:'t'"
SecRule ARGS "@streq bad" "id:12,phase:2,pass"
SecRule ARGS:off "@eq 1" "id:1,phase:1,pass,nolog,ctl:ruleRemoveTargetByTag=t;ARGS:x"
SecRule ARGS:off "@eq 2" "id:2,phase:1,pass,nolog,ctl:ruleRemoveById=10-11"
SecRuleRemoveById 12
SecRuleUpdateTargetById 11 "!ARGS:y"`);
    expect(firing(waf, request('/?x=bad'))).toEqual([10, 11]);
    expect(firing(waf, request('/?y=bad'))).toEqual([10]);
    expect(firing(waf, request('/?x=bad&off=1'))).toEqual([]);
    expect(firing(waf, request('/?x=bad&off=2'))).toEqual([]);
  });

  it('allows, redirects, blocks by default action, and tries every stage', () => {
    const waf = rules(`
SecDefaultAction "phase:2,deny,status:406,log"
SecRule ARGS:free "@eq 1" "id:1,phase:1,allow,nolog"
SecRule ARGS:go "@unconditionalMatch" "id:2,phase:2,redirect:https://x.example/%{ARGS.go}"
SecRule ARGS:m "@contains %41" "id:3,phase:2,block,multiMatch,t:none,t:urlDecodeUni,t:urlDecodeUni"`);
    expect(waf.inspect(request('/?free=1&m=%2541'))).toBeUndefined();
    expect(waf.inspect(request('/?m=%252541'))?.status).toBe(406);
    expect(waf.inspect(request('/?go=a'))).toMatchObject({ status: 302, headers: { location: 'https://x.example/a' } });
  });
});

describe('loading', () => {
  const faults: readonly (readonly [string, string, RegExp])[] = [
    ['SecRule ARGS "@rx (" "id:1"', 'waf.bad-regex', /test\.conf:1: /],
    ['\n\nSecRule ARGS "@nosuch x" "id:1"', 'waf.unknown-name', /test\.conf:3: there is no operator `@nosuch`/],
    ['SecRule NOSUCH "x" "id:1"', 'waf.unknown-name', /variable `NOSUCH`/],
    ['SecRule ARGS "x" "id:1,t:nosuch"', 'waf.unknown-name', /transformation `nosuch`/],
    ['SecRule ARGS "x" "id:1,frobnicate"', 'waf.unknown-name', /action `frobnicate`/],
    ['SecFrobnicate On', 'waf.unknown-name', /test\.conf:1: there is no directive `SecFrobnicate`/],
    ['SecRule ARGS "x" "phase:2"', 'waf.syntax', /needs an `id`/],
    [
      'SecRule ARGS "x" "id:1"\nSecRule ARGS "y" "id:1"',
      'waf.duplicate-id',
      /test\.conf:2: the id `1` is taken by test\.conf:1/,
    ],
    ['SecRule ARGS "x" "id:1,chain"', 'waf.syntax', /no next rule/],
    ['SecRule ARGS "x" "id:1,skipAfter:GONE"', 'waf.unknown-name', /marker `GONE`/],
    ['SecRule ARGS "x', 'waf.syntax', /not closed/],
    ['SecRule ARGS "@inspectFile x.lua" "id:1"', 'waf.unsupported', /`@inspectFile`/],
    ['SecRuleScript x.lua', 'waf.unsupported', /there is no Lua/],
    ['SecAction "id:1,exec:/bin/true"', 'waf.unsupported', /action `exec`/],
    ['SecRule ARGS "@pmFromFile gone.data" "id:1"', 'waf.missing-data', /`gone\.data`/],
    ['SecRule ARGS "@rx \\1(a)" "id:1"', 'waf.bad-regex', /stands before it/],
  ];
  for (const [text, code, message] of faults) {
    it(`refuses ${text.trim().slice(0, 50)}`, () => {
      expect(() => rules(text)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
    });
  }

  it('leaves out by name what asks the world outside or for memory, and loads the rest', () => {
    const lines = [
      'SecRule REMOTE_ADDR "@rbl x" "id:1,phase:1,deny"',
      'SecRule GEO:COUNTRY_CODE "x" "id:2,phase:1,deny"',
      'SecRule ARGS:a "@streq x" "id:3,phase:1,skip:1"',
      'SecRule IP:seen "@eq 1" "id:4,phase:1,deny,expirevar:ip.x=60"',
      'SecRule ARGS:a "@streq x" "id:5,phase:1,deny"',
      'SecRule ARGS:b "@streq x" "id:6,phase:1,deny,chain"',
      '  SecRule &SESSION:y "@eq 0" "expirevar:session.y=1"',
    ];
    const ruleSets = [{ name: 'x', files: [{ name: 'x.conf', text: lines.join('\n') }], data: {} }];
    const waf = compileWaf({ ruleSets }, clock);
    expect(waf.warnings).toEqual([
      'x.conf:4: `expirevar`: it has no effect: collections last for one transaction',
      'x.conf:1: rule 1 is left out: the operator `@rbl` is not supported: rules make no network requests',
      'x.conf:2: rule 2 is left out: the variable `GEO` is not supported: there is no geographic database',
      'x.conf:4: rule 4 is left out: the action `expirevar` is not supported: collections last for one transaction',
      'x.conf:6: rule 6 is left out: the action `expirevar` is not supported: collections last for one transaction',
    ]);
    // Counted as what `skip` steps over, so that nothing else is.
    expect(waf.route({ mode: 'block' }).inspect(request('/?a=x'))?.status).toBe(403);
    expect(waf.route({ mode: 'block' }).inspect(request('/?b=x'))).toBeUndefined();
  });

  it('runs a rule that would keep something for later, without keeping it', () => {
    const text = 'SecRule ARGS:a "@streq scanner" "id:1,phase:1,deny,setvar:ip.flag=1,expirevar:ip.flag=60"';
    const waf = compileWaf({ ruleSets: [{ name: 'x', files: [{ name: 'x.conf', text }], data: {} }] }, clock);
    expect(waf.warnings).toEqual(['x.conf:1: `expirevar`: it has no effect: collections last for one transaction']);
    expect(waf.route({ mode: 'block' }).inspect(request('/?a=scanner'))?.status).toBe(403);
    expect(waf.route({ mode: 'block' }).inspect(request('/?a=reader'))).toBeUndefined();
  });

  it('warns of directives that have no effect', () => {
    const ruleSets = [{ name: 'x', files: [{ name: 'x.conf', text: 'SecAuditEngine On' }], data: {} }];
    expect(compileWaf({ ruleSets }, clock).warnings).toEqual([
      'x.conf:1: `SecAuditEngine` has no effect: decisions go to the audit ledger',
    ]);
  });
});

describe('what this engine leaves out', () => {
  const load = (text: string) =>
    compileWaf({ ruleSets: [{ name: 'x', files: [{ name: 'x.conf', text }], data: {} }] }, clock);

  it.each([
    ['SecRule STREAM_INPUT_BODY "@rx a" "id:1"', '`STREAM_INPUT_BODY` is not supported: use `REQUEST_BODY`'],
    ['SecRule SESSIONID "@rx a" "id:1"', '`SESSIONID` is not supported: collections last for one transaction'],
    ['SecRule ARGS "@rxGlobal a" "id:1"', '`@rxGlobal` is not supported: '],
    ['SecAction "id:1,ctl:hashEngine=On"', '`ctl:hashEngine` is not supported: responses are not rewritten'],
    ['SecAction "id:1,ctl:nonsense=On"', 'there is no `ctl:nonsense`'],
    ['SecContentInjection On', '`SecContentInjection` is not supported: rules do not change responses'],
    ['Include other.conf', 'name the folder as `gateway.waf.rules`'],
    ['<IfModule security2_module>', '`<IfModule` is not supported: sections belong to a web server'],
    ['SecNonsense On', 'there is no directive `SecNonsense`'],
  ])('%s is refused by name, with file, line and reason', (text, reason) => {
    expect(() => load(`# a comment\n${text}`)).toThrow(`x.conf:2: `);
    expect(() => load(`# a comment\n${text}`)).toThrow(reason);
  });

  it('takes limits that it can keep, and says where it cannot', () => {
    const deep = request('/', {
      method: 'POST',
      headers: [['Content-Type', 'application/json']],
      body: Buffer.from('['.repeat(90_000)),
    });
    const { warnings, route } = load(`SecRequestBodyJsonDepthLimit 100000
SecResponseBodyLimit 524288
SecRule REQBODY_ERROR "@eq 0" "id:1,phase:2,deny"`);
    expect(warnings).toEqual([
      'x.conf:1: `SecRequestBodyJsonDepthLimit 100000` is more than can be; it is 1000',
      'x.conf:2: `SecResponseBodyLimit 524288` is more than can be; it is 131072',
    ]);
    expect(route({ mode: 'block' }).inspect(deep)?.status).toBe(400);
  });

  it('tells of a percent sign that begins no escape', () => {
    const { route } = load('SecRule URLENCODED_ERROR "@eq 1" "id:1,phase:2,deny"');
    expect(route({ mode: 'block' }).inspect(request('/?a=100%'))?.status).toBe(403);
    expect(route({ mode: 'block' }).inspect(request('/?a=100%25'))).toBeUndefined();
  });
});

describe('time', () => {
  it('does not let a value buy much of it', () => {
    const waf = rules(`
SecRule ARGS "@rx ^(a+)+$" "id:1,phase:2,deny,capture"
SecRule ARGS "@rx (?:x+x+)+y" "id:2,phase:2,deny,capture"
SecRule ARGS "@rx (.*)(.*)(.*)(.*)(.*)[^a]z" "id:3,phase:2,deny,capture"`);
    const started = process.cpuUsage().user;
    expect(waf.inspect(request(`/?a=${'a'.repeat(20_000)}!&b=${'x'.repeat(20_000)}`))).toBeUndefined();
    expect(process.cpuUsage().user - started).toBeLessThan(1_000_000);
  });
});
