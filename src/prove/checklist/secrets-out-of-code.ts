import { assessed, type ChecklistItem, count, type Facts, type Gap, some } from './item.ts';
import type { ProjectFile } from './project-files.ts';

/** 5. No secret stands in the code, in its configuration, or in an image. */
export const secretsOutOfCode: ChecklistItem = {
  id: 'secrets',
  title: 'Secrets out of code and configuration',
  assess: (facts) => {
    const { manifest, files } = facts;
    const kept = Object.values(manifest.services).flatMap(({ secrets }) => Object.keys(secrets));
    const scanned = files.all.filter(isScanned);
    const evidence = [
      `${count(kept.length, 'secret')} kept encrypted by Merlon and named by path in the manifest`,
      `${count(scanned.length, 'file')} searched for keys and tokens by their known forms (a scanner in CI finds more)`,
    ];
    return assessed(evidence, [...environment(facts), ...findings(scanned), ...environmentFiles(facts)]);
  },
};

const suspicious = /(?:^|_)(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)$/;

function environment({ manifest: { services } }: Facts): Gap[] {
  return Object.entries(services).flatMap(([service, { env }]) =>
    Object.keys(env)
      .filter((name) => suspicious.test(name))
      .map(
        (name): Gap => ({
          what: `${name} of ${service} stands in the manifest`,
          fix: `move it: \`merlon secrets put ${service} ${name.toLowerCase()}=...\`, then \`secrets: { ${name}: secret/${service}#${name.toLowerCase()} }\``,
          owner: 'developer',
          effort: 'minutes',
          decisive: true,
        }),
      ),
  );
}

/** Credentials that can be told by their form alone. */
const forms: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a private key', /-----BEGIN (?:RSA |EC |OPENSSH |DSA |ENCRYPTED )?PRIVATE KEY-----\r?\n[A-Za-z0-9+/=]{40}/],
  ['an AWS access key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a GitHub token', /\b(?:ghp|gho|ghs|ghr)_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{60,90}\b/],
  ['a Slack token', /\bxox[abprs]-[A-Za-z0-9-]{20,80}\b/],
  ['a Stripe live key', /\b[rs]k_live_[A-Za-z0-9]{20,80}\b/],
  ['a Google API key', /\bAIza[A-Za-z0-9_-]{35}\b/],
];

const binary = /\.(?:png|jpe?g|gif|webp|ico|pdf|zip|gz|tgz|woff2?|ttf|wasm|sqlite|db|bin|node)$/i;
const lockFile = /(?:package-lock\.json|yarn\.lock|pnpm-lock\.yaml)$/;

function isScanned({ path }: ProjectFile): boolean {
  return !binary.test(path) && !lockFile.test(path);
}

function findings(files: readonly ProjectFile[]): Gap[] {
  return files
    .flatMap((file) =>
      forms.filter(([, pattern]) => pattern.test(file.text())).map(([what]) => ({ what, path: file.path })),
    )
    .slice(0, 10)
    .map(
      ({ what, path }): Gap => ({
        what: `${path} holds ${what}`,
        fix: 'withdraw it where it was issued, then take it out of the file and of the history',
        owner: 'security',
        effort: 'hours',
        decisive: true,
      }),
    );
}

function environmentFiles({ files }: Facts): Gap[] {
  const found = files
    .matching(/(?:^|\/)\.env(?:\.[a-z]+)?$/)
    .filter(({ path }) => !/\.(?:example|sample|template)$/.test(path));
  const ignored = files.matching(/(?:^|\/)\.gitignore$/).some((file) => /^\/?\.env/m.test(file.text()));
  if (found.length === 0 || ignored) return [];
  return [
    {
      what: `${some(found.map(({ path }) => path))} may be committed by accident`,
      fix: 'add `.env*` to .gitignore, and keep its values with `merlon secrets put`',
      owner: 'developer',
      effort: 'minutes',
    },
  ];
}
