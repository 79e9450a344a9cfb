// GitHub's REST description, a real document of 1,200 operations: fetched once with npm, kept in the folder for
// temporary files. It is not ours to keep here.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const release = '@octokit/openapi@23.0.2';
const member = 'package/generated/api.github.com.json';

/** Path of the document; undefined where it cannot be fetched. */
export function githubApi(): string | undefined {
  const folder = join(tmpdir(), 'merlon-github-api', release.replaceAll(/[^a-z0-9.]/g, '-'));
  const file = join(folder, member);
  if (existsSync(file)) return file;
  const fresh = `${folder}.${process.pid}`;
  try {
    mkdirSync(fresh, { recursive: true });
    const options = {
      cwd: fresh,
      timeout: 120_000,
      stdio: ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'],
    };
    const archive = execFileSync('npm', ['pack', release, '--silent'], options).toString().trim();
    execFileSync('tar', ['xzf', archive, member], options);
    rmSync(join(fresh, archive));
    renameSync(fresh, folder);
  } catch {
    rmSync(fresh, { recursive: true, force: true });
  }
  return existsSync(file) ? file : undefined;
}
