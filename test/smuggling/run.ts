// Runs the corpus: through a gateway into a back end, and, to show that the attacks are attacks, into the back end as it is.
import { once } from 'node:events';
import { METHODS } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { parseHttp2 } from '../../src/prove/wire/http2.ts';
import type { Edge } from '../fakes/edge.ts';
import type { BackEnd, Recorded } from './back-ends.ts';
import { mark, type Sent, type SmugglingCase } from './cases.ts';
import { framingCases } from './framing-cases.ts';
import { downgraded, framesOf, type Http2Case, http2Cases } from './http2-cases.ts';
import { syntaxCases } from './syntax-cases.ts';

/** One entry of the corpus; with `http2` it comes to the gateway in frames, and `bytes` is what a careless front makes of them. */
export interface Entry extends SmugglingCase {
  readonly http2?: Http2Case;
}

export const corpus: readonly Entry[] = [
  ...framingCases,
  ...syntaxCases,
  ...http2Cases.map((each) => ({
    kind: 'HTTP/2 downgrade',
    name: each.name,
    bytes: downgraded(each),
    sends: each.sends,
    http2: each,
  })),
];

export const kinds: readonly string[] = [...new Set(corpus.map(({ kind }) => kind))];

/** What a back end made of one entry. */
export interface Reading {
  readonly recorded: readonly Recorded[];
  /** Whether it was given any of it. */
  readonly begun: boolean;
}

export type Readings = ReadonlyMap<Entry, Reading>;

const markOf = (letter: string, index: number): string => `${letter}${String(index).padStart(mark.length - 1, '0')}`;
const marked = <T>(value: T, own: string): T => JSON.parse(JSON.stringify(value).replaceAll(mark, own)) as T;
const unmarked = <T>(value: T, own: string): T => JSON.parse(JSON.stringify(value).replaceAll(own, mark)) as T;

/** Through the gateway, one entry after another, so that they share connections to the back end as requests do. */
export async function readThroughGateway(backEnd: BackEnd, edge: Edge): Promise<Readings> {
  for (const [index, { bytes, http2 }] of corpus.entries()) {
    const own = markOf('G', index);
    if (http2 === undefined) await sendAndEnd(edge.port, bytes.replaceAll(mark, own));
    else await sendFrames(edge.tlsPort, framesOf(marked(http2, own)));
  }
  return collect(backEnd, 'G');
}

/** Directly, a connection each. */
export async function readDirectly(backEnd: BackEnd): Promise<Readings> {
  const waiting = [...corpus.entries()];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      await sendAndWait(backEnd.port, next[1].bytes.replaceAll(mark, markOf('N', next[0])));
  };
  await Promise.all(Array.from({ length: 24 }, lane));
  return collect(backEnd, 'N');
}

async function collect({ recorded, tapped }: BackEnd, letter: string): Promise<Readings> {
  await pause(400);
  return new Map(
    corpus.map((entry, index) => {
      const own = markOf(letter, index);
      const isOwn = (value: unknown): boolean => JSON.stringify(value).includes(own);
      return [
        entry,
        { recorded: unmarked(recorded.filter(isOwn), own), begun: tapped.some(({ sent }) => sent.includes(own)) },
      ];
    }),
  );
}

/** Sends all, ends, and waits until the other side ends. */
async function sendAndEnd(port: number, bytes: string): Promise<void> {
  const socket = await open(port);
  socket.end(bytes, 'latin1');
  await closed(socket, 5000);
}

/** Sends all and waits until nothing has come for a while: most servers drop a request whose client has ended. */
async function sendAndWait(port: number, bytes: string): Promise<void> {
  const socket = await open(port);
  let heardAt = performance.now();
  socket.on('data', () => (heardAt = performance.now()));
  socket.write(bytes, 'latin1');
  while (!socket.readableEnded && !socket.destroyed && performance.now() - heardAt < 250) await pause(10);
  socket.end();
  await closed(socket, 50);
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  return socket;
}

async function closed(socket: Socket, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  while (!socket.readableEnded && !socket.destroyed && performance.now() < end) await pause(2);
  if (withinMs > 1000 && performance.now() >= end) throw new Error('the gateway leaves the connection open');
  socket.destroy();
}

async function sendFrames(port: number, bytes: Buffer): Promise<void> {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
  });
  const chunks: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'secureConnect');
  socket.write(bytes);
  const end = performance.now() + 5000;
  while (!socket.destroyed && !parseHttp2(Buffer.concat(chunks)).ended && performance.now() < end) await pause(2);
  socket.destroy();
}

const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms));

/** What is wrong with a reading, where something is: the back end may see what was sent, or less of it, and nothing else. */
export function exceptionOf({ sends }: Entry, { recorded }: Reading, mustSeeAll: boolean): string | undefined {
  const complete = recorded.filter((each) => each.complete).map(textOf);
  const wanted = sends.map(textOf);
  const known = sends.filter(({ method }) => METHODS.includes(method)).map(textOf);
  if (mustSeeAll && complete.join('\n') !== known.join('\n')) return `saw ${show(complete)}, sent ${show(wanted)}`;
  let at = 0;
  for (const each of complete) {
    at = wanted.indexOf(each, at) + 1;
    if (at === 0) return `saw ${show(complete)}, sent ${show(wanted)}`;
  }
  const broken = recorded.filter((each) => !each.complete);
  if (broken.length > 1 || broken.some(({ target }) => target.includes('smuggled')))
    return `saw ${show(broken.map(textOf))}`;
  return undefined;
}

const show = (texts: readonly string[]): string => (texts.length === 0 ? 'nothing' : texts.join(' and '));

export function textOf({ method, target, host, body }: Sent): string {
  return JSON.stringify([method, target, host, body]);
}
