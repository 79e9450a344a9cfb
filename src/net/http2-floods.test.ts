import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Peers } from '../../test/fakes/http-peers.ts';
import { flags, frame, Http2Attacker, headers, uint32 } from '../../test/fakes/http2-attacker.ts';
import { encodeFields } from '../prove/wire/http2.ts';
import type { HttpLimits, HttpServerOptions, Refusal } from './index.ts';

// Each attack twice: with the bound, and without it, where it works.
const peers = new Peers();
afterEach(() => peers.close());

const unbounded: Partial<HttpLimits> = {
  streams: 1_000_000,
  streamResetBurst: 1_000_000_000,
  streamResetsPerSecond: 1_000_000_000,
  invalidFrames: 1_000_000_000,
  overheadBytesPerSecond: 1_000_000_000_000,
  headerBytes: 100_000_000,
  headerCount: 1_000_000,
  writeIdleMs: 3_600_000,
};

async function attack(
  limits: Partial<HttpLimits>,
  onRequest: HttpServerOptions['onRequest'] = (_, reply) => reply.send(200),
  settings?: Buffer,
) {
  const refusals: Refusal[] = [];
  const { port, server } = await peers.server({
    http2: 'prior-knowledge',
    limits,
    onRequest,
    onRefused: (refusal) => {
      refusals.push(refusal);
      return undefined;
    },
  });
  const attacker = new Http2Attacker(port, settings);
  peers.defer(() => attacker.destroy());
  return { attacker, server, refusals };
}

const batches = (make: (stream: number) => Buffer, streams: number): Buffer[] => {
  const made: Buffer[] = [];
  for (let from = 0; from < streams; from += 50)
    made.push(Buffer.concat(Array.from({ length: 50 }, (_, at) => make(2 * (from + at) + 1))));
  return made;
};

/** Sends the batches with pauses between them. */
async function storm(attacker: Http2Attacker, made: readonly Buffer[]): Promise<void> {
  for (const batch of made) await attacker.flood(batch, 1, 2);
}

const streams = 3000;

describe('rapid reset (CVE-2023-44487)', () => {
  const storming = batches((stream) => Buffer.concat([headers(stream), frame('reset', 0, stream, uint32(8))]), streams);

  test('ends the connection, and is told of', async () => {
    const { attacker, server, refusals } = await attack({}, () => undefined);
    await storm(attacker, storming);
    await expect.poll(() => attacker.isClosed).toBe(true);
    expect(server.stats.requests).toBeLessThan(1000);
    expect(refusals).toMatchObject([{ code: 'net.http2-flood', status: 0 }]);
    expect(server.stats.active).toBe(0);
  });

  test('orders all the work there is, were the bound off', async () => {
    const { attacker, server } = await attack(unbounded, () => undefined);
    await storm(attacker, storming);
    await expect.poll(() => server.stats.requests, { timeout: 5000 }).toBe(streams);
    expect(attacker.isClosed).toBe(false);
  });
});

// The server is made to reset, which no count of what the client resets would see (CVE-2025-8671).
test.each([
  ['a window update of nothing', uint32(0)],
  ['a window beyond all windows', uint32(0x7fff_ffff)],
])('a stream that %s breaks takes its connection with it, and is told of', async (_, update) => {
  const { attacker, server, refusals } = await attack({}, () => undefined);
  const make = (stream: number): Buffer =>
    Buffer.concat([headers(stream, { endStream: false }), frame('windowUpdate', 0, stream, update)]);
  await storm(attacker, batches(make, streams));
  await expect.poll(() => attacker.isClosed).toBe(true);
  expect(server.stats.requests).toBeLessThan(1000);
  expect(refusals.map(({ code }) => code)).toEqual(['net.http2-protocol']);
});

const perTurn = 300;
const many = (bytes: Buffer): Buffer => Buffer.concat(Array.from({ length: perTurn }, () => bytes));

// What of each kind the HTTP/2 library lets pass before its own bound, which cannot be lifted.
const belowItsOwn = 9000;

describe.each<[what: string, bytes: Buffer, mostFrames: number, begin?: Buffer]>([
  ['a ping flood', frame('ping', 0, 0, Buffer.alloc(8)), 100_000],
  ['a settings flood', frame('settings', 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(65_535)])), 100_000],
  ['a flood of window updates', frame('windowUpdate', 0, 0, uint32(1)), 100_000],
  ['a flood of priorities', frame('priority', 0, 1, Buffer.concat([uint32(3), Buffer.from([7])])), belowItsOwn],
  [
    'a flood of priorities of streams that never come',
    frame('priority', 0, 0x7fff_fff1, Buffer.concat([uint32(0), Buffer.from([1])])),
    belowItsOwn,
  ],
  ['a flood of empty content', frame('data', 0, 1), belowItsOwn, headers(1, { endStream: false })],
  ['a flood of frames that nobody knows', frame('unknown', 0, 0), belowItsOwn],
])('%s', (_, bytes, mostFrames, begin) => {
  test('ends the connection, and is told of', async () => {
    const { attacker, server, refusals } = await attack({ headerTimeMs: 400 }, () => undefined);
    if (begin !== undefined) await attacker.send(begin);
    await attacker.flood(many(bytes), 400, 1);
    await expect.poll(() => attacker.isClosed, { timeout: 3000 }).toBe(true);
    expect(refusals).toMatchObject([{ code: expect.stringMatching(/^net\.http2-(flood|protocol)$/) }]);
    await expect.poll(() => server.stats.connections).toBe(0);
  });

  test('keeps the server busy, were the bound off', async () => {
    const { attacker, refusals } = await attack(unbounded, () => undefined);
    if (begin !== undefined) await attacker.send(begin);
    await attacker.flood(many(bytes), mostFrames / perTurn, 1);
    const pings = attacker.count('ping');
    await attacker.send(frame('ping', 0, 0, Buffer.alloc(8)));
    // All that was sent has been read when the last ping is answered.
    await expect.poll(() => attacker.count('ping'), { timeout: 5000 }).toBeGreaterThan(pings);
    expect([attacker.isClosed, refusals.length]).toEqual([false, 0]);
  });
});

test('an honest client that pings, updates windows and sends small content is not taken for a flood', async () => {
  let got = 0;
  const { attacker, refusals } = await attack({ headerTimeMs: 400 }, (request, reply) => {
    request.body.pipe({
      data: (chunk) => {
        got += chunk.length;
        return true;
      },
      end: () => reply.send(200),
      error: () => undefined,
    });
  });
  await attacker.send(headers(1, { endStream: false }));
  for (let turn = 0; turn < 100; turn++) {
    const small = Array.from({ length: 100 }, () => frame('data', 0, 1, Buffer.alloc(10)));
    await attacker.send(Buffer.concat([...small, frame('ping', 0, 0, Buffer.alloc(8))]));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await expect.poll(() => got).toBe(100_000);
  expect([attacker.isClosed, refusals.length]).toEqual([false, 0]);
});

describe('a header section that never ends (CONTINUATION flood)', () => {
  const piece = encodeFields([['x', 'y'.repeat(8000)]]);
  const first = frame('headers', flags.endStream, 1, encodeFields([[':method', 'GET']]));
  const next = frame('continuation', 0, 1, piece);

  test('ends the connection, and is told of', async () => {
    const { attacker, server, refusals } = await attack({});
    await attacker.send(first);
    await attacker.flood(next, 100);
    await expect.poll(() => attacker.isClosed).toBe(true);
    expect(server.stats.requests).toBe(0);
    expect(refusals.map(({ code }) => code)).toEqual(['net.http2-protocol']);
  });

  test('fills the memory of a server that waits for its end', async () => {
    const held: Buffer[] = [];
    const careless = createServer(
      (socket) => void socket.on('data', (chunk) => held.push(chunk)).on('error', () => undefined),
    );
    await new Promise<void>((resolve) => careless.listen(0, '127.0.0.1', resolve));
    peers.defer(() => careless.close());
    const attacker = new Http2Attacker((careless.address() as { port: number }).port);
    peers.defer(() => attacker.destroy());
    await attacker.send(first);
    await attacker.flood(next, 300, 0);
    await expect.poll(() => held.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(2_000_000);
    expect(attacker.isClosed).toBe(false);
  });
});

describe('a header bomb: one large field, remembered and named again by a byte each', () => {
  // Literal with incremental indexing; then its index in the dynamic table, 62 (RFC 7541, section 6).
  const remembered = (count: number): Buffer => {
    const value = Buffer.alloc(3500, 0x61);
    const literal = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f]), varint(3500 - 127), value]);
    return Buffer.concat([encodeFields(plain), literal, Buffer.alloc(count, 0x80 | 62)]);
  };
  const plain = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'victim'],
    [':path', '/'],
  ] as const;
  const varint = (value: number): Buffer => Buffer.from([(value & 0x7f) | 0x80, value >> 7]);
  const bomb = frame('headers', flags.endStream | flags.endHeaders, 1, remembered(1000));

  test('is not read to its end', async () => {
    let largest = 0;
    const { attacker, server } = await attack({}, (request, reply) => {
      largest = Math.max(largest, request.headers.pairs.join('').length);
      reply.send(200);
    });
    await attacker.send(bomb);
    await expect
      .poll(() => attacker.isClosed || attacker.resets.length > 0 || attacker.count('headers') > 0)
      .toBe(true);
    expect([largest, server.stats.requests]).toEqual([0, 0]);
  });

  test('5 KB become 3.5 MB, were the bound off', async () => {
    let largest = 0;
    const { attacker } = await attack(unbounded, (request, reply) => {
      largest = Math.max(largest, request.headers.pairs.join('').length);
      reply.send(200);
    });
    await attacker.send(bomb);
    await expect.poll(() => largest).toBeGreaterThan(3_400_000);
  });
});

describe('too many streams at a time', () => {
  const storming = batches((stream) => headers(stream), 1000);

  test('are refused, and the connection with them', async () => {
    const { attacker, server } = await attack({ streams: 100 }, () => undefined);
    await storm(attacker, storming);
    expect(server.stats.requests).toBeLessThanOrEqual(100);
    expect(attacker.isClosed || attacker.resets.includes(7)).toBe(true);
  });

  test('all run at once, were the bound off', async () => {
    const { attacker, server } = await attack(unbounded, () => undefined);
    await storm(attacker, storming);
    await expect.poll(() => server.stats.active).toBe(1000);
    expect(attacker.isClosed).toBe(false);
  });
});

describe('a client that opens no window', () => {
  // SETTINGS_INITIAL_WINDOW_SIZE 0: not a byte of content may be sent.
  const noWindow = Buffer.concat([Buffer.from([0, 4]), uint32(0)]);
  const large = Buffer.alloc(60_000);

  test('loses its streams', async () => {
    const { attacker, server } = await attack({ writeIdleMs: 200 }, (_, reply) => reply.send(200, {}, large), noWindow);
    await attacker.send(Buffer.concat([headers(1), headers(3)]));
    await expect.poll(() => attacker.resets, { timeout: 3000 }).toEqual([8, 8]);
    await expect.poll(() => server.stats.active).toBe(0);
  });

  test('and one that opens it by a byte now and then, as well', async () => {
    const { attacker, server } = await attack({ writeIdleMs: 200 }, (_, reply) => reply.send(200, {}, large), noWindow);
    await attacker.send(headers(1));
    await attacker.flood(frame('windowUpdate', 0, 1, uint32(1)), 60, 10);
    await expect.poll(() => server.stats.active, { timeout: 3000 }).toBe(0);
  });

  test('keeps what waits for it in memory, were the bound off', async () => {
    const { attacker, server } = await attack(unbounded, (_, reply) => reply.send(200, {}, large), noWindow);
    await attacker.send(headers(1));
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect([server.stats.active, attacker.resets]).toEqual([1, []]);
  });
});
