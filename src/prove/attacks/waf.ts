import { type Attack, notApplicable, type Severity } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { nameOf } from '../places.ts';
import { askRightfully, faultOfSuccess, judgeRefusal, subjectFor } from '../probes.ts';
import { type OpenPlace, rightful } from '../survey.ts';
import { type RequestText, withFields } from '../wire/request.ts';

interface WafRow {
  readonly id: string;
  readonly title: string;
  readonly severity?: Severity;
  readonly standards: readonly string[];
  /** What a field of the request holds. */
  readonly value: string;
  /** Where a name, or a type of its own, makes the attack: only a query that no document confines takes it. */
  readonly queryOnly?: string;
  /** The header field that carries it. Default: the query where no document confines it, else a cookie. */
  readonly header?: string;
}

/** One plain specimen of each kind: what it shows is that somebody looks, not that nothing gets past. */
const rows: readonly WafRow[] = [
  {
    id: 'waf.sql-injection',
    title: 'a condition that is always true, put into a statement (SQL injection)',
    severity: 'critical',
    standards: ['CWE-89'],
    value: "1' UNION SELECT name, password FROM users --",
  },
  {
    id: 'waf.nosql-injection',
    title: 'an operator of a document database in a value (NoSQL injection)',
    standards: ['CWE-943'],
    value: '{"$where": "this.password == 1"}',
  },
  {
    id: 'waf.command-injection',
    title: 'a second command for the shell (command injection)',
    severity: 'critical',
    standards: ['CWE-78'],
    value: '; cat /etc/passwd',
  },
  {
    id: 'waf.template-injection',
    title: 'an expression for the template engine (template injection)',
    severity: 'critical',
    standards: ['CWE-1336'],
    value: '{{7*7}}',
  },
  {
    id: 'waf.ldap-injection',
    title: 'a filter that closes another one (LDAP injection)',
    standards: ['CWE-90'],
    value: '*)(uid=*))(|(uid=*',
  },
  {
    id: 'waf.cross-site-scripting',
    title: 'a script where text belongs (cross-site scripting)',
    standards: ['CWE-79'],
    value: '<script>alert(document.domain)</script>',
  },
  {
    id: 'waf.path-traversal',
    title: 'a file name that leads out of the folder (path traversal)',
    standards: ['CWE-22'],
    value: '../../../../etc/passwd',
  },
  {
    id: 'waf.request-forgery',
    title: "the address of the cloud's metadata service (server-side request forgery)",
    standards: ['CWE-918', 'OWASP API7:2023'],
    value: 'http://169.254.169.254/latest/meta-data/',
  },
  {
    id: 'waf.external-entity',
    title: 'markup that includes a file of the server (XML external entity)',
    standards: ['CWE-611'],
    value: '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    queryOnly: 'merlon-prove',
  },
  {
    id: 'waf.deserialisation',
    title: 'a serialised Java object',
    severity: 'critical',
    standards: ['CWE-502'],
    value: 'rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA==',
  },
  {
    id: 'waf.prototype-pollution',
    title: 'a parameter named for the prototype of all objects (prototype pollution)',
    standards: ['CWE-1321'],
    value: 'true',
    queryOnly: 'x[__proto__][admin]',
  },
  {
    id: 'waf.scanner',
    title: 'a scanner that says its name',
    severity: 'low',
    standards: ['CWE-799'],
    value: 'sqlmap/1.8 (https://sqlmap.org)',
    header: 'user-agent',
  },
];

/** Whether a document is held against the query, so that a probe's own parameter would be refused for that. */
export function isConfined({ place: { route, api } }: OpenPlace): boolean {
  return api !== undefined && route.validate.requests === 'block';
}

function placeFor({ survey, target }: ProveContext, row: WafRow): OpenPlace | undefined {
  const { gateway } = target.manifest;
  const guarded = survey.reads.filter(({ place: { route } }) => (route.waf.mode ?? gateway.waf.mode) === 'block');
  const open = guarded.find((each) => !isConfined(each));
  return row.queryOnly === undefined ? (open ?? guarded[0]) : open;
}

function withAttack(request: RequestText, open: OpenPlace, { value, header, queryOnly }: WafRow): RequestText {
  const encoded = encodeURIComponent(value);
  if (header !== undefined) return withFields(request, [header, value]);
  if (isConfined(open)) return withFields(request, ['cookie', `merlon-prove=${encoded}`]);
  const name = encodeURIComponent(queryOnly ?? 'merlon-prove');
  return { ...request, target: `${request.target}${request.target.includes('?') ? '&' : '?'}${name}=${encoded}` };
}

function whyNot({ survey, target }: ProveContext, row: WafRow): ReturnType<typeof notApplicable> {
  const { manifest } = target;
  if (manifest.routes.every(({ waf }) => (waf.mode ?? manifest.gateway.waf.mode) !== 'block'))
    return notApplicable('the manifest lets the WAF block on no route');
  if (row.queryOnly !== undefined && survey.reads.length > 0)
    return notApplicable('every query that a probe may send is confined by an OpenAPI document');
  return notApplicable('no operation behind the WAF can be read', survey.faults.read);
}

function wafAttack(row: WafRow): Attack {
  const { id, title, severity = 'high', standards } = row;
  return {
    id,
    title,
    protection: 'waf',
    severity,
    standards,
    plan: (context) => {
      const open = placeFor(context, row);
      if (open === undefined) return whyNot(context, row);
      const subject = subjectFor(context, id);
      return [
        {
          place: nameOf(open.place),
          control: () => askRightfully(context, open, subject),
          controlFault: faultOfSuccess,
          attack: async () => context.edge(withAttack(await rightful(context, open, subject), open, row)),
          judge: judgeRefusal({ status: 403, codes: ['waf.denied'], filter: 'waf' }),
        },
      ];
    },
  };
}

/** What no schema rules out: text that means something to whoever reads it next. */
export const wafAttacks: readonly Attack[] = rows.map(wafAttack);
