import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { MerlonError } from '../core/errors.ts';
import { writeFileAtomic } from '../core/files.ts';
import { discoverManifest, formatFindings } from '../manifest/control.ts';
import { paint } from './terminal.ts';

interface InitOptions {
  readonly output?: string;
  readonly print?: boolean;
  readonly force?: boolean;
}

export function describe(command: Command): void {
  command
    .argument(
      '[folder]',
      'what to look at: compose files, Kubernetes manifests, OpenAPI documents, npm workspaces',
      '.',
    )
    .option('-o, --output <file>', 'where to write the manifest (default: merlon.yaml in the folder)')
    .option('--print', 'print it instead')
    .option('--force', 'replace a manifest that is there')
    .addHelpText(
      'after',
      '\nExamples:\n  merlon init\n  merlon init ../shop --print\n  merlon init deploy/ --output merlon.yaml',
    )
    .action(init);
}

function init(folder: string, { output = join(folder, 'merlon.yaml'), print, force }: InitOptions): void {
  if (!existsSync(folder)) throw new MerlonError({ code: 'input.folder', message: `there is no folder \`${folder}\`` });
  const { manifest, services, edges, routes, findings } = discoverManifest(folder);
  process.stderr.write(formatFindings(findings));
  if (print === true) return void process.stdout.write(manifest);
  if (existsSync(output) && force !== true) {
    throw new MerlonError({
      code: 'input.exists',
      message: `\`${output}\` is there already`,
      hint: 'replace it with --force, or look first with --print',
    });
  }
  writeFileAtomic(output, manifest, 0o644);
  process.stdout.write(
    `${paint('green', 'wrote')} ${output}: ${services.length} services, ${edges.length} calls between them, ${routes.length} routes\nread it through, then: merlon validate --manifest ${output}\n`,
  );
}
