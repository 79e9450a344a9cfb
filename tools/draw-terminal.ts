// Draws what a command printed as an SVG, for the documents: `FORCE_COLOR=1 merlon status | node tools/draw-terminal.ts
// --command 'merlon status' --title 'What runs' > docs/images/status.svg`. Every glyph is placed on the terminal's grid,
// so that tables and frames stay straight in whatever monospace font the reader has.
import { text as readAll } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

export interface Picture {
  /** What it shows, for readers who do not see it. */
  readonly title: string;
  /** The command line, drawn above its output. */
  readonly command?: string;
}

interface Style {
  readonly colour: string;
  readonly bold: boolean;
  readonly underlined: boolean;
}

/** Text of one style, and the column that it begins in. */
interface Run {
  readonly column: number;
  readonly text: string;
  readonly style: Style;
}

const cell = { width: 8.4, height: 19 };
const margin = { side: 22, top: 46, bottom: 20 };
const card = { background: '#0f1720', bar: '#1a2430', border: '#2b3a4a', prompt: '#7ee0a1' };
const fonts = 'ui-monospace, SFMono-Regular, Menlo, Consolas, &quot;DejaVu Sans Mono&quot;, monospace';
const plain: Style = { colour: '#d5dee8', bold: false, underlined: false };

// SGR codes (ECMA-48, 8.3.117) of the foreground.
const colours: Readonly<Record<number, string>> = {
  30: '#5c6b7a',
  31: '#ff7b72',
  32: '#5fd38d',
  33: '#e3b341',
  34: '#79b8ff',
  35: '#d2a8ff',
  36: '#5ccfe6',
  37: '#d5dee8',
  39: plain.colour,
  90: '#8494a5',
  91: '#ffa198',
  92: '#8fe3b0',
  93: '#f2cc60',
  94: '#a5d0ff',
  95: '#e2c5ff',
  96: '#8fe3f0',
  97: '#ffffff',
};

/** `style` after one SGR code; codes that no command of ours prints change nothing. */
function restyle(style: Style, code: number): Style {
  if (code === 0) return plain;
  if (code === 1) return { ...style, bold: true };
  if (code === 22) return { ...style, bold: false };
  if (code === 4) return { ...style, underlined: true };
  if (code === 24) return { ...style, underlined: false };
  const colour = colours[code];
  return colour === undefined ? style : { ...style, colour };
}

/** The lines of `text` as runs. A style goes on over the end of its line, as in a terminal. */
export function parseTerminal(text: string): Run[][] {
  let style = plain;
  return text.split('\n').map((line) => {
    const runs: Run[] = [];
    let column = 0;
    for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
      if (part.startsWith('\x1b[')) {
        for (const code of part.slice(2, -1).split(';')) style = restyle(style, Number(code));
      } else if (part !== '') {
        runs.push({ column, text: part, style });
        column += [...part].length;
      }
    }
    return runs;
  });
}

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function drawRun({ column, text, style }: Run, y: number): string {
  const leading = text.length - text.trimStart().length;
  const shown = escapeMarkup(text.trim());
  if (shown === '') return '';
  const x = margin.side + (column + leading) * cell.width;
  const length = [...text.trim()].length * cell.width;
  const weight = style.bold ? ' font-weight="700"' : '';
  const line = style.underlined ? ' text-decoration="underline"' : '';
  return `<text x="${x.toFixed(1)}" y="${y}" textLength="${length.toFixed(1)}" fill="${style.colour}"${weight}${line}>${shown}</text>`;
}

function commandLine(command: string): string {
  return `\x1b[92m$\x1b[39m \x1b[1m${command}\x1b[22m\n`;
}

/** `text`, as a terminal shows it, as an SVG document. */
export function drawTerminal(text: string, { title, command }: Picture): string {
  const shown = text.replace(/^\n+|\s+$/g, '');
  const lines = parseTerminal(command === undefined ? shown : `${commandLine(command)}\n${shown}`);
  const columns = Math.max(...lines.flat().map((run) => run.column + [...run.text].length));
  const width = Math.ceil(columns * cell.width + 2 * margin.side);
  const height = margin.top + lines.length * cell.height + margin.bottom;
  const rows = lines.flatMap((runs, row) => runs.map((run) => drawRun(run, margin.top + (row + 1) * cell.height - 5)));
  const dots = [0, 1, 2].map((n) => `<circle cx="${20 + n * 18}" cy="16" r="5" fill="${card.border}"/>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">${escapeMarkup(title)}</title>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10" fill="${card.background}" stroke="${card.border}"/>
<path d="M1 32 V11 A10 10 0 0 1 11 1 H${width - 11} A10 10 0 0 1 ${width - 1} 11 V32 Z" fill="${card.bar}"/>
${dots.join('')}
<g font-family="${fonts}" font-size="14" xml:space="preserve">
${rows.filter((row) => row !== '').join('\n')}
</g>
</svg>
`;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { title: { type: 'string' }, command: { type: 'string' } } });
  const { title = values.command ?? 'a terminal', command } = values;
  process.stdout.write(
    drawTerminal(await readAll(process.stdin), { title, ...(command === undefined ? {} : { command }) }),
  );
}
