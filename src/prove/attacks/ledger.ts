import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemCode } from '../../core/errors.ts';
import { type Attack, gotThrough, inconclusive, stopped } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import type { Observation } from '../wire/observation.ts';

interface LedgerRow {
  readonly id: string;
  readonly title: string;
  /** Changes the copy; undefined where only the key differs. */
  readonly tamper: (copy: LedgerCopy) => void;
  /** Verified against a checkpoint that was kept elsewhere. */
  readonly keepsCheckpoint?: boolean;
  readonly foreignKey?: boolean;
}

/** A copy of the ledger, to be spoiled. */
interface LedgerCopy {
  readonly folder: string;
  /** Lines of the newest file of records. */
  readonly lines: readonly string[];
  write(lines: readonly string[]): void;
}

/** The record in the middle, as far as there is one. */
const middle = (lines: readonly string[]): number => Math.floor(lines.length / 2);

const rows: readonly LedgerRow[] = [
  {
    id: 'ledger.changed',
    title: 'one character of one record changed',
    tamper: ({ lines, write }) => write(lines.map((line, at) => (at === middle(lines) ? flip(line) : line))),
  },
  {
    id: 'ledger.deleted',
    title: 'one record deleted',
    tamper: ({ lines, write }) => write(lines.filter((_, at) => at !== middle(lines))),
  },
  {
    id: 'ledger.swapped',
    title: 'two records exchanged',
    tamper: ({ lines, write }) => {
      const at = middle(lines);
      const changed = [...lines];
      [changed[at - 1], changed[at]] = [lines[at] as string, lines[at - 1] as string];
      write(changed);
    },
  },
  {
    id: 'ledger.inserted',
    title: 'a record inserted',
    tamper: ({ lines, write }) => {
      const at = middle(lines);
      write([...lines.slice(0, at), flip(lines[at] as string), ...lines.slice(at)]);
    },
  },
  {
    id: 'ledger.truncated',
    title: 'the newest records cut off',
    // More than what may have been written between the copy of its length and the copy of the records.
    tamper: ({ lines, write }) => write(lines.slice(0, Math.max(1, middle(lines)))),
  },
  {
    id: 'ledger.truncated-with-checkpoints',
    title: 'the newest records cut off, together with every note that tells of them',
    keepsCheckpoint: true,
    tamper: ({ folder, lines, write }) => {
      write(lines.slice(0, Math.max(1, middle(lines))));
      for (const name of ['checkpoint', 'checkpoints.ndjson', 'durable']) rmSync(join(folder, name), { force: true });
    },
  },
  {
    id: 'ledger.forged-checkpoint',
    title: 'a checkpoint that the ledger’s key has not signed',
    tamper: ({ folder }) => {
      const file = join(folder, 'checkpoints.ndjson');
      const [line = ''] = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-1);
      appendFileSync(file, `${flip(line)}\n`);
    },
  },
  {
    id: 'ledger.foreign-key',
    title: 'a ledger that another key has signed',
    foreignKey: true,
    tamper: () => undefined,
  },
];

/** The line with one letter or digit of its second half exchanged. */
function flip(line: string): string {
  const from = Math.floor(line.length / 2);
  const at = from + Math.max(0, line.slice(from).search(/[a-z0-9]/));
  return `${line.slice(0, at)}${line[at] === 'a' ? 'b' : 'a'}${line.slice(at + 1)}`;
}

function copyFile(from: string, to: string): void {
  try {
    copyFileSync(from, to);
  } catch (error) {
    // A ledger without a checkpoint yet.
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

function withCopy<T>(folder: string, use: (copy: LedgerCopy) => Promise<T>): Promise<T> {
  const base = mkdtempSync(join(tmpdir(), 'merlon-prove-'));
  const copy = join(base, 'ledger');
  const segments = join(copy, 'segments');
  mkdirSync(segments, { recursive: true });
  // What tells of the records before the records themselves: the ledger goes on growing meanwhile.
  for (const name of ['durable', 'checkpoint', 'checkpoints.ndjson']) copyFile(join(folder, name), join(copy, name));
  for (const name of readdirSync(join(folder, 'segments')).sort())
    copyFile(join(folder, 'segments', name), join(segments, name));
  const newest = join(segments, readdirSync(segments).sort().at(-1) as string);
  const text = readFileSync(newest, 'utf8');
  // A line may be half written at the moment of the copy.
  const lines = text.slice(0, text.lastIndexOf('\n')).split('\n');
  writeFileSync(newest, `${lines.join('\n')}\n`);
  return use({
    folder: copy,
    lines,
    write: (changed) => writeFileSync(newest, `${changed.join('\n')}\n`),
  }).finally(() => rmSync(base, { recursive: true, force: true }));
}

async function verifyCopy(
  { target: { ledger } }: ProveContext,
  { tamper, keepsCheckpoint, foreignKey }: Pick<LedgerRow, 'tamper' | 'keepsCheckpoint' | 'foreignKey'>,
): Promise<Observation & { readonly intact: boolean }> {
  const checkpoint = await ledger.checkpoint();
  return withCopy(ledger.folder, async (copy) => {
    tamper(copy);
    const report = await ledger.verify(copy.folder, {
      ...(keepsCheckpoint === true ? { checkpoint } : {}),
      ...(foreignKey === true ? { foreignKey: true } : {}),
    });
    return {
      sent: `a copy of the ledger, ${copy.lines.length} records in its newest file`,
      received: report.ok ? `intact: ${report.size} records` : report.faults.slice(0, 3).join('\n'),
      status: 0,
      intact: report.ok,
    };
  });
}

function ledgerAttack({ id, title, ...row }: LedgerRow): Attack {
  return {
    id,
    title,
    protection: 'ledger.chain',
    severity: 'high',
    standards: ['CWE-345', 'CWE-778'],
    plan: (context) => {
      let intact = false;
      let found = false;
      return [
        {
          place: 'a copy of the ledger, verified offline',
          control: async () => {
            const { intact: holds, ...seen } = await verifyCopy(context, {
              ...row,
              tamper: () => undefined,
              foreignKey: false,
            });
            intact = holds;
            return seen;
          },
          controlFault: ({ received }) => (intact ? undefined : `the untouched copy does not verify: ${received}`),
          attack: async () => {
            const { intact: holds, ...seen } = await verifyCopy(context, row);
            found = !holds;
            return seen;
          },
          judge: ({ received }) => {
            if (!found) return gotThrough('the verifier found nothing');
            return received === ''
              ? inconclusive('a fault without a description')
              : stopped(received.split('\n')[0] as string);
          },
        },
      ];
    },
  };
}

export const ledgerAttacks: readonly Attack[] = rows.map(ledgerAttack);
