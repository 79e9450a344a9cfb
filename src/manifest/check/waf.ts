import type { Route } from '../schema/routes.ts';
import { type CheckInput, error, type Finding, warning } from './finding.ts';

/** The rules of the WAF are there, what a route says of them has an effect, and no patch has expired. */
export function checkWaf(input: CheckInput): Finding[] {
  return [...checkRules(input), ...input.draft.routes.flatMap(([at, route]) => checkRoute(input, at, route))];
}

function checkRules({ draft, files, resolve }: CheckInput): Finding[] {
  const rules = draft.gateway?.waf.rules;
  if (rules === undefined || rules === 'builtin' || rules === 'crs') return [];
  const path = resolve(rules);
  const isThere = files.list(path) !== undefined || files.readText(path, maxRuleBytes) !== undefined;
  if (isThere) return [];
  return [
    error(
      'manifest.missing-file',
      ['gateway', 'waf', 'rules'],
      `there is no file or folder \`${rules}\``,
      'write `builtin`, `crs`, or the path of a file or folder of SecLang',
    ),
  ];
}

const maxRuleBytes = 4 * 1024 * 1024;

function checkRoute({ draft, nowMs }: CheckInput, at: number, { waf }: Route): Finding[] {
  const findings: Finding[] = [];
  const mode = waf.mode ?? draft.gateway?.waf.mode;
  for (const key of ['exclusions', 'patches'] as const)
    if (mode === 'off' && waf[key].length > 0)
      findings.push(
        error(
          'manifest.no-effect',
          ['routes', at, 'waf', key],
          `\`${key}\` do nothing where the WAF is off`,
          'set `mode: detect` or `mode: block`, or remove them',
        ),
      );
  if (nowMs !== undefined) findings.push(...checkExpiry(at, waf.patches, nowMs));
  return findings;
}

const dayMs = 86_400_000;
/** Long enough to mend a service, or to ask for more time. */
const noticeDays = 14;

function checkExpiry(at: number, patches: Route['waf']['patches'], nowMs: number): Finding[] {
  return patches.flatMap(({ id, owner, expires }, index) => {
    const days = Math.floor((Date.parse(expires) - nowMs) / dayMs);
    const place = ['routes', at, 'waf', 'patches', index, 'expires'];
    const hint = `ask ${owner} whether the service is mended; then remove the patch, or give it a later date`;
    if (Date.parse(expires) <= nowMs) {
      const message = `the virtual patch \`${id}\` has expired, and no longer runs`;
      return [warning('manifest.expired-patch', place, message, hint)];
    }
    if (days >= noticeDays) return [];
    const left = days === 0 ? 'within a day' : `in ${days} ${days === 1 ? 'day' : 'days'}`;
    return [warning('manifest.expiring-patch', place, `the virtual patch \`${id}\` expires ${left}`, hint)];
  });
}
