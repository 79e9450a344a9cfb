import { writeFileSync } from 'node:fs';
import { MessageChannel } from 'node:worker_threads';
import type { Command } from 'commander';
import { systemClock } from '../core/clock.ts';
import { exitCodes, MerlonError } from '../core/errors.ts';
import { loadManifest, type Manifest } from '../manifest/index.ts';
import {
  type Attack,
  attacks,
  type EdgeTls,
  formatResult,
  formatSummary,
  formatTable,
  type ProveReport,
  prove,
  toJson,
  toMarkdown,
} from '../prove/index.ts';
import { createProveTarget } from '../server/prove-target.ts';
import { createAdminClient } from './admin-client.ts';
import { readClientCertificate } from './client-certificate.ts';
import { type CommonOptions, layoutOf, withState } from './options.ts';
import { formatTable as formatColumns } from './table.ts';
import { terminalWidth, wantsColour } from './terminal.ts';

interface ProveCommandOptions extends CommonOptions {
  readonly json?: boolean;
  readonly markdown?: string;
  readonly only: string[];
  readonly list?: boolean;
  readonly clientCertificate?: string;
  readonly expiredCertificate?: string;
}

export function describe(command: Command): void {
  withState(command)
    .option('--only <prefix>', 'attacks whose id begins so (repeatable): `token`, `mesh.no-svid`', collect, [])
    .option(
      '--client-certificate <file>',
      'PEM: certificate and key of a rightful caller, where the listener asks for one',
    )
    .option('--expired-certificate <file>', 'PEM: one of the same authority whose time is over, to be refused')
    .option('--list', 'list the attacks and run none')
    .option('--markdown <file>', 'write a report with the evidence of every attack')
    .option('--json', 'as JSON')
    .addHelpText('after', help)
    .action(run);
}

const help = `
Attacks the deployment that runs on the state folder, each time beside what the rightful caller does. Its exit code is 0
when nothing got through and nothing was left open, 1 otherwise. It leaves records in the ledger, and a few objects of
the subjects merlon-prove-*.

Examples:
  merlon prove
  merlon prove --only token --only mesh
  merlon prove --markdown evidence.md --json > evidence.json`;

function collect(prefix: string, before: string[]): string[] {
  return [...before, prefix];
}

async function run(options: ProveCommandOptions): Promise<void> {
  const chosen = choose(options.only);
  if (options.list === true) return list(chosen, options.json === true);
  const { manifest } = loadManifest(options.manifest);
  const layout = layoutOf(options);
  const target = await createProveTarget({
    manifest,
    manifestPath: options.manifest,
    layout,
    clock: systemClock,
    admin: createAdminClient(layout),
    clients: clientsOf(options, manifest),
  });
  const look = { colour: wantsColour(), width: terminalWidth() };
  const progress = createProgress(options.json === true);
  const report = await whileAlive(() => prove(target, { attacks: chosen, onResult: progress.show }));
  progress.end();
  if (options.markdown !== undefined) writeFileSync(options.markdown, toMarkdown(report));
  process.stdout.write(
    options.json === true ? `${JSON.stringify(toJson(report), null, 2)}\n` : formatTable(report, look),
  );
  if (options.json === true)
    process.stderr.write(formatSummary(report, { ...look, colour: wantsColour(process.stderr) }));
  finish(report);
}

/** What the attacks show where callers need a certificate. */
function clientsOf(
  { clientCertificate, expiredCertificate }: ProveCommandOptions,
  { gateway }: Manifest,
): Pick<EdgeTls, 'client' | 'expiredClient'> {
  if (clientCertificate === undefined && gateway.clientCertificates?.mode === 'required')
    throw new MerlonError({
      code: 'input.certificate',
      message: 'the gateway lets nobody in without a client certificate',
      hint: 'pass that of a rightful caller with `--client-certificate <file>`',
    });
  return {
    ...(clientCertificate === undefined ? {} : { client: readClientCertificate(clientCertificate) }),
    ...(expiredCertificate === undefined ? {} : { expiredClient: readClientCertificate(expiredCertificate) }),
  };
}

/** The clock's timers do not keep the process alive, and between two exchanges there may be nothing else. */
async function whileAlive<T>(task: () => Promise<T>): Promise<T> {
  const { port1 } = new MessageChannel();
  port1.ref();
  try {
    return await task();
  } finally {
    port1.close();
  }
}

function finish({ proven }: ProveReport): void {
  if (!proven) process.exitCode = exitCodes.failed;
}

function choose(prefixes: readonly string[]): readonly Attack[] {
  if (prefixes.length === 0) return attacks;
  const unknown = prefixes.find((prefix) => !attacks.some(({ id }) => id.startsWith(prefix)));
  if (unknown === undefined) return attacks.filter(({ id }) => prefixes.some((prefix) => id.startsWith(prefix)));
  throw new MerlonError({
    code: 'input.attack',
    message: `no attack is called \`${unknown.slice(0, 64)}\``,
    hint: '`merlon prove --list` lists them',
  });
}

function list(chosen: readonly Attack[], json: boolean): void {
  const rows = chosen.map(({ id, title, severity, standards }) => ({ id, title, severity, standards }));
  process.stdout.write(
    json
      ? `${JSON.stringify(rows, null, 2)}\n`
      : formatColumns(
          ['attack', 'severity', 'what the attacker does'],
          rows.map(({ id, severity, title }) => [id, severity, title]),
        ),
  );
}

/** One line on standard error that tells how far it is, and whatever was not stopped as soon as it is known. */
function createProgress(quiet: boolean): {
  show: (result: Parameters<typeof formatResult>[0], done: number, total: number) => void;
  end: () => void;
} {
  const live = process.stderr.isTTY === true && !quiet;
  return {
    show: (result, done, total) => {
      if (live) process.stderr.write(`\r\x1b[K${done}/${total} ${result.attack.id}`);
      if (live && (result.verdict === 'got-through' || result.verdict === 'inconclusive'))
        process.stderr.write(`\r\x1b[K${formatResult(result, { colour: true, width: terminalWidth() })}`);
    },
    end: () => void (live && process.stderr.write('\r\x1b[K')),
  };
}
