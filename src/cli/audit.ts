import { join } from 'node:path';
import type { Command } from 'commander';
import type { LedgerRecord } from '../api/record.ts';
import { formatReport, parseVerifierKey, verifyLedger } from '../audit/control.ts';
import { exitCodes, MerlonError } from '../core/errors.ts';
import { tryReadText } from '../core/files.ts';
import { createAdminClient } from './admin-client.ts';
import { type CommonOptions, layoutOf, withState } from './options.ts';
import { formatTable } from './table.ts';
import { paint, wantsColour } from './terminal.ts';

interface QueryOptions extends CommonOptions {
  readonly verdict?: string;
  readonly service?: string;
  readonly principal?: string;
  readonly route?: string;
  readonly code?: string;
  readonly limit: string;
  readonly json?: boolean;
}

interface VerifyOptions extends CommonOptions {
  readonly key?: string;
  readonly checkpoint?: string;
  readonly json?: boolean;
}

export function describe(command: Command): void {
  command.addHelpText(
    'after',
    '\nExamples:\n  merlon audit query --verdict deny --limit 20\n  merlon audit key > ledger.key\n  merlon audit checkpoint > today.checkpoint\n  merlon audit verify --key ledger.key --checkpoint today.checkpoint',
  );
  const sub = (name: string, summary: string): Command =>
    withState(command.command(name).description(summary).exitOverride());
  sub('query', 'records, newest first')
    .option('--verdict <verdict>', 'allow, deny or error')
    .option('--service <name>', 'decisions about this service')
    .option('--principal <id>', 'records of this principal')
    .option('--route <name>', 'decisions of this route')
    .option('--code <code>', 'denials with this code')
    .option('--limit <count>', 'at most so many', '50')
    .option('--json', 'as JSON lines')
    .action(query);
  sub('key', 'the public key of the ledger; keep it elsewhere').action(printKey);
  sub('checkpoint', 'a signed checkpoint of the ledger; keep it elsewhere').action(printCheckpoint);
  sub('verify', 'verify the ledger on disk, offline')
    .option('--key <file>', "the ledger's public key (default: asked of control)")
    .option('--checkpoint <file>', 'a checkpoint that was kept: the ledger must extend it')
    .option('--json', 'as JSON')
    .action(verify);
}

async function query({
  verdict,
  service,
  principal,
  route,
  code,
  limit,
  json,
  ...common
}: QueryOptions): Promise<void> {
  const wanted = Object.entries({ verdict, service, principal, route, code, limit }).filter(
    (each): each is [string, string] => each[1] !== undefined,
  );
  const records = await createAdminClient(layoutOf(common)).call<LedgerRecord[]>(
    'GET',
    `/admin/records?${new URLSearchParams(wanted)}`,
  );
  if (json === true) return void process.stdout.write(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  process.stdout.write(formatTable(['time', 'what', 'who', 'outcome', 'id'], records.map(rowOf)));
}

function rowOf(record: LedgerRecord): string[] {
  const time = new Date(record.timeMs).toISOString().slice(11, 23);
  if (record.kind === 'event')
    return [time, `${record.action} ${record.target}`, record.actor.id, record.outcome, record.id];
  const colour = record.verdict === 'allow' ? 'green' : 'red';
  return [
    time,
    `${record.method} ${record.path}`,
    record.principal?.id ?? '',
    `${paint(colour, record.verdict)} ${record.status} ${record.reason?.code ?? ''}`.trim(),
    record.id,
  ];
}

async function printKey(options: CommonOptions): Promise<void> {
  const { key } = await createAdminClient(layoutOf(options)).call<{ key: string }>('GET', '/admin/ledger/key');
  process.stdout.write(`${key}\n`);
}

async function printCheckpoint(options: CommonOptions): Promise<void> {
  const { checkpoint } = await createAdminClient(layoutOf(options)).call<{ checkpoint: string }>(
    'GET',
    '/admin/ledger/checkpoint',
  );
  process.stdout.write(checkpoint);
}

async function verify({ key, checkpoint, json, ...common }: VerifyOptions): Promise<void> {
  const layout = layoutOf(common);
  const keyText =
    key === undefined
      ? (await createAdminClient(layout).call<{ key: string }>('GET', '/admin/ledger/key')).key
      : readFile(key).trim();
  const report = await verifyLedger(join(layout.ledger), {
    publicKey: parseVerifierKey(keyText).publicKey,
    ...(checkpoint === undefined ? {} : { checkpoint: readFile(checkpoint) }),
  });
  if (json === true) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else process.stdout.write(formatReport(report, { colour: wantsColour() }));
  if (!report.ok) process.exitCode = exitCodes.failed;
}

function readFile(path: string): string {
  const text = tryReadText(path);
  if (text !== undefined) return text;
  throw new MerlonError({ code: 'input.file', message: `there is no file \`${path}\`` });
}
