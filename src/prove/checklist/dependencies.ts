import { toolsInPipelines } from './ci-files.ts';
import { assessed, type ChecklistItem, type Facts, type Gap, some } from './item.ts';

const audits = [
  'npm audit',
  'pnpm audit',
  'yarn npm audit',
  'osv-scanner',
  'trivy fs',
  'grype',
  'snyk test',
  'pip-audit',
  'govulncheck',
  'cargo audit',
  'dependency-review-action',
];
const billTools = ['syft', 'cyclonedx', 'npm sbom', 'sbom-action', 'spdx'];
const lockFiles =
  /(?:^|\/)(?:package-lock\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|Cargo\.lock|go\.sum|poetry\.lock|uv\.lock|Gemfile\.lock)$/;
const manifests = /(?:^|\/)(?:package\.json|Cargo\.toml|go\.mod|pyproject\.toml|Gemfile|requirements\.txt)$/;
const bills = /(?:^|\/)(?:[\w.-]*\.(?:spdx|cdx)\.json|s?bom\.(?:json|xml)|[\w.-]*sbom[\w.-]*\.json)$/i;
const updaters = /(?:^|\/)(?:\.github\/dependabot\.ya?ml|renovate\.json5?|\.renovaterc(?:\.json)?)$/;

/** 11. It is known what the software is made of, and whether any of it has known holes. */
export const dependencies: ChecklistItem = {
  id: 'dependencies',
  title: 'SBOM and dependency scans',
  assess: (facts) => {
    const { files } = facts;
    const [locks, sboms, updates] = [lockFiles, bills, updaters].map((pattern) =>
      files.matching(pattern).map(({ path }) => path),
    );
    const made = toolsInPipelines(facts, billTools);
    const audited = toolsInPipelines(facts, audits);
    const evidence = [
      ...named('lock files', locks ?? []),
      ...named('bills of materials', sboms ?? []),
      ...named('update configuration', updates ?? []),
      ...[...made, ...audited].map(({ tool, path }) => `${path} runs ${tool}`),
    ];
    const gaps = [
      ...lockGap(facts, (locks ?? []).length),
      ...billGap((sboms ?? []).length + made.length),
      ...auditGap(audited.length, (updates ?? []).length),
    ];
    return assessed(
      evidence.length > 0 ? evidence : ['nothing of the kind was found in the project'],
      allMissing(gaps, evidence),
    );
  },
};

const named = (what: string, paths: readonly string[]): string[] =>
  paths.length === 0 ? [] : [`${what}: ${some(paths)}`];

function lockGap({ files }: Facts, locks: number): Gap[] {
  if (locks > 0 || files.matching(manifests).length === 0) return [];
  return [
    {
      what: 'dependencies are not pinned by a lock file',
      fix: 'commit the lock file, and install with `npm ci`',
      owner: 'developer',
      effort: 'minutes',
    },
  ];
}

function billGap(found: number): Gap[] {
  if (found > 0) return [];
  return [
    {
      what: 'there is no software bill of materials; Merlon makes none for your services in this version',
      fix: 'make one at each release: `npm sbom --sbom-format cyclonedx > sbom.cdx.json`',
      owner: 'developer',
      effort: 'minutes',
    },
  ];
}

function auditGap(audits: number, updates: number): Gap[] {
  if (audits > 0) return [];
  return [
    {
      what:
        updates > 0
          ? 'updates are proposed, but no pipeline fails on known holes'
          : 'no pipeline looks for known holes in dependencies',
      fix: 'add `npm audit --audit-level=high` (or osv-scanner) to CI',
      owner: 'platform',
      effort: 'minutes',
    },
  ];
}

/** Where there is nothing at all, the item is not met rather than met in part. */
function allMissing(gaps: readonly Gap[], evidence: readonly string[]): Gap[] {
  return gaps.map((gap) => (evidence.length === 0 ? { ...gap, decisive: true } : gap));
}
