import { styleText } from 'node:util';

// One stream for the logs of all: `name | line`, each name in a colour of its own. JSON lines of our own roles
// are shown as sentences.

const colours = [
  'cyan',
  'green',
  'yellow',
  'magenta',
  'blue',
  'cyanBright',
  'greenBright',
  'yellowBright',
  'magentaBright',
  'blueBright',
] as const;
// A map: the level is what a workload wrote, and may be the name of anything.
const levelColours: ReadonlyMap<unknown, 'gray' | 'yellow' | 'red'> = new Map([
  ['debug', 'gray'],
  ['warn', 'yellow'],
  ['error', 'red'],
]);
const ownFields = new Set(['level', 'time', 'name', 'msg']);

export interface LogStreamOptions {
  readonly write: (text: string) => void;
  readonly colour: boolean;
  /** JSON lines as they come, for machines. */
  readonly json: boolean;
}

export interface LogStream {
  /** Shows a line that `name` has printed. */
  line(name: string, line: string): void;
}

export function createLogStream({ write, colour, json }: LogStreamOptions): LogStream {
  const given = new Map<string, (typeof colours)[number]>();
  let width = 10;
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const prefix = (name: string): string => {
    if (!given.has(name)) given.set(name, colours[given.size % colours.length] as (typeof colours)[number]);
    width = Math.max(width, name.length);
    return paint(given.get(name) as 'cyan', `${name.padEnd(width)} |`);
  };
  return {
    line: (name, line) => {
      if (json) write(`${JSON.stringify({ name, line })}\n`);
      else write(`${prefix(name)} ${sentence(line, paint)}\n`);
    },
  };
}

/** A workload's output must not steer the terminal: control bytes but tab and colour are dropped. */
function stripControl(line: string): string {
  let kept = '';
  for (const char of line) {
    const code = char.codePointAt(0) as number;
    if (code === 0x09 || (code >= 0x20 && code !== 0x7f && (code < 0x80 || code > 0x9f))) kept += char;
  }
  return kept;
}

function sentence(line: string, paint: (style: 'gray' | 'yellow' | 'red', text: string) => string): string {
  const entry = tryParseEntry(line);
  if (entry === undefined) return stripControl(line);
  const rest = Object.entries(entry).filter(([name]) => !ownFields.has(name));
  const facts = rest
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  const style = levelColours.get(entry.level);
  // Only now: what JSON writes as \u001b is a control byte again.
  const text = stripControl(entry.msg);
  const message = style === undefined ? text : paint(style, text);
  return facts === '' ? message : `${message} ${paint('gray', stripControl(facts))}`;
}

/** A line of a pino logger, ours or a workload's. */
function tryParseEntry(line: string): (Readonly<Record<string, unknown>> & { readonly msg: string }) | undefined {
  if (!line.startsWith('{"level":')) return undefined;
  try {
    const entry = JSON.parse(line) as Record<string, unknown>;
    return typeof entry.msg === 'string' ? { ...entry, msg: entry.msg } : undefined;
  } catch {
    return undefined;
  }
}
