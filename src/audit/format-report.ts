import { escapeForTerminal, type FormatOptions } from './format-explanation.ts';
import type { LedgerReport } from './verify.ts';

/** Draws what verification found; ends in a newline. */
export function formatReport(report: LedgerReport, { colour }: Pick<FormatOptions, 'colour'>): string {
  const { ok, origin, size, signedSize, segments, checkpoints, root, faults } = report;
  const paint = (code: string, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const verdict = ok ? paint('1;32', '✓ intact') : paint('1;31', '✗ TAMPERED WITH');
  const facts = [
    ['ledger', escapeForTerminal(origin)],
    ['records', `${size} in ${segments} segments`],
    ['signed', `${signedSize} by ${checkpoints} checkpoints, ${Math.max(0, size - signedSize)} since`],
    ['root', root],
  ].map(([name = '', value]) => `  ${paint('2', name.padEnd(9))} ${value}`);
  const found = faults.map(({ kind, segment, line, message }) => {
    const place = segment === undefined ? '' : paint('2', ` (${segment}${line === undefined ? '' : `:${line}`})`);
    return `  ${paint('31', kind.padEnd(18))} ${escapeForTerminal(message)}${place}`;
  });
  return `${[verdict, ...facts, ...(found.length === 0 ? [] : ['', ...found])].join('\n')}\n`;
}
