// Request smuggling against real servers. The oracle: behind the gateway no server ever sees two requests where the client sent
// one, nor another than the client sent (method, target, host, content).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTlsAuthority } from '../fakes/certificates.ts';
import { type Edge, startEdge } from '../fakes/edge.ts';
import { type BackEnd, findProgram, servers, startNode, startServer, statusesIn } from './back-ends.ts';
import {
  corpus,
  type Entry,
  exceptionOf,
  kinds,
  type Readings,
  readDirectly,
  readThroughGateway,
  textOf,
} from './run.ts';

interface Seen {
  readonly backEnd: BackEnd;
  readonly through: Readings;
  readonly directly: Readings;
}

const starts: Readonly<Record<string, (() => Promise<BackEnd>) | undefined>> = Object.fromEntries([
  ['Node', startNode],
  ...servers.map((kind) => [kind.name, findProgram(kind.program) === undefined ? undefined : () => startServer(kind)]),
]);
const names = Object.keys(starts);
const missing = names.filter((name) => starts[name] === undefined);
for (const name of missing) process.stderr.write(`${name} is not installed: its smuggling tests are skipped\n`);

const seen = new Map<string, Seen>();
const running: (BackEnd | Edge)[] = [];

beforeAll(async () => {
  const credentials = createTlsAuthority('ours').issue({ dnsNames: ['localhost'] });
  const look = async (name: string): Promise<void> => {
    const start = starts[name];
    if (start === undefined) return;
    const keep = <T extends BackEnd | Edge>(started: T): T => {
      running.push(started);
      return started;
    };
    const [behind, alone] = await Promise.all([start().then(keep), start().then(keep)]);
    const edge = keep(await startEdge(behind.port, credentials));
    const [through, directly] = await Promise.all([readThroughGateway(behind, edge), readDirectly(alone)]);
    seen.set(name, { backEnd: behind, through, directly });
  };
  await Promise.all(names.map(look));
  if (process.env.MERLON_SHOW !== undefined) show();
}, 120_000);

afterAll(async () => {
  for (const each of running.reverse()) await each.stop();
});

const entriesOf = (kind: string): Entry[] => corpus.filter((entry) => entry.kind === kind);

test('the corpus is large', () => {
  expect(corpus.length).toBeGreaterThan(350);
});

describe.each(names)('through the gateway into %s', (name) => {
  test.skipIf(missing.includes(name)).each(kinds)('%s', (kind) => {
    const { through } = seen.get(name) as Seen;
    const exceptions = entriesOf(kind).flatMap((entry) => {
      const exception = exceptionOf(entry, through.get(entry) as never, name === 'Node');
      return exception === undefined ? [] : [`${entry.name}: ${exception}`];
    });
    expect(exceptions).toEqual([]);
  });

  test.skipIf(missing.includes(name))('it answers nothing but what was asked', () => {
    const { backEnd, through } = seen.get(name) as Seen;
    const answered = backEnd.tapped.flatMap(({ sent, received }) => (sent === '' ? [] : statusesIn(received)));
    const requests = [...through.values()].flatMap(({ recorded }) => recorded);
    // Of requests whose body broke off, some servers answer the head.
    const complete = requests.filter((each) => each.complete).length;
    const taken = answered.filter((status) => status < 300).length;
    expect(taken).toBeGreaterThanOrEqual(complete);
    expect(taken).toBeLessThanOrEqual(requests.length);
    // Requests that the server itself refuses, and those whose body broke off.
    const unfinished = [...through].filter(([{ sends }, { recorded, begun }]) => {
      const whole = recorded.filter((each) => each.complete).length;
      return begun && (whole < sends.length || sends.length === 0);
    });
    expect(answered.length - taken).toBeLessThanOrEqual(unfinished.length);
  });
});

/** What each server makes of the bytes as they are: requests it takes, `split` where one of them was smuggled. */
function evidenceOf(entry: Entry): { readonly split: string[]; readonly readings: Map<string, string> } {
  const readings = new Map<string, string>();
  const split: string[] = [];
  for (const [name, { directly }] of seen) {
    const taken = (directly.get(entry)?.recorded ?? []).filter(({ complete }) => complete);
    readings.set(name, taken.map((each) => `${textOf(each)}${each.credential ? ' with Authorization' : ''}`).join(' '));
    if (
      taken.some(({ target }) => target.endsWith('/smuggled')) &&
      !entry.sends.some(({ target }) => target.endsWith('/smuggled'))
    )
      split.push(name);
  }
  return { split, readings };
}

const isAmbiguous = (entry: Entry): boolean => {
  const { split, readings } = evidenceOf(entry);
  return split.length > 0 || new Set(readings.values()).size > 1;
};

describe.skipIf(missing.length > 0)('passed on as they are, the bytes are read in more than one way', () => {
  test.each(kinds)('%s', (kind) => {
    expect(entriesOf(kind).filter(isAmbiguous).length).toBeGreaterThan(0);
  });
});

/** The table of the README, for whoever asks for it. */
function show(): void {
  for (const kind of kinds) {
    const entries = entriesOf(kind);
    const split = names.filter((name) => entries.some((entry) => evidenceOf(entry).split.includes(name)));
    process.stdout.write(
      `| ${kind} | ${entries.length} | ${entries.filter(isAmbiguous).length} | ${split.join(', ') || '-'} |\n`,
    );
  }
}
