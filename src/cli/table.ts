import { stripVTControlCharacters } from 'node:util';
import { paint } from './terminal.ts';

/** Rows in aligned columns under a heading. Cells may hold colour. */
export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] as number) - widthOf(cell)),
      )
      .join('  ')
      .trimEnd();
  return `${paint('bold', line(heading))}\n${rows.map(line).join('\n')}\n`;
}

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
