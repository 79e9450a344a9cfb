// A request gets its connection to a service when the first of its content is there: slow clients hold none.
import { afterEach, describe, expect, test } from 'vitest';
import { Peers } from '../../test/fakes/http-peers.ts';
import type { UpstreamLimits } from './index.ts';

const peers = new Peers();
afterEach(() => peers.close());

/** A server before a service that answers each whole request with what it got of content. */
async function setup(limits: Partial<UpstreamLimits>) {
  const service = await peers.server({
    onRequest: (request, reply) =>
      request.body.buffer(10_000_000).then(
        (body) => reply.send(200, {}, `got ${body.length} ${body.toString('latin1').slice(-5)}.`),
        () => reply.send(400),
      ),
  });
  const upstream = peers.upstream(service.port, { limits });
  const { port } = await peers.server({ onRequest: (request, reply) => upstream.forward(request, reply) });
  return { port, service: service.server };
}

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const post = (fields: string, body: string): string => `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;
const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms));

describe('slow bodies', () => {
  /** Whether somebody is served while others have sent the half of a body over each connection that there may be. */
  async function isServed(fields: string, begin: string, gatherBytes: number): Promise<boolean> {
    const { port } = await setup({ connections: 2, gatherBytes });
    for (let each = 0; each < 2; each++) (await peers.client(port)).send(post(fields, begin));
    await pause(50);
    const client = await peers.client(port);
    client.send(get);
    return Promise.race([client.until('got 0').then(() => true), pause(400).then(() => false)]);
  }

  test.each([
    ['with a length', 'Content-Length: 100\r\n', 'half'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n', '4\r\nhalf\r\n'],
  ])('%s hold no connection to the service', async (_, fields, begin) => {
    expect(await isServed(fields, begin, 0)).toBe(false);
    expect(await isServed(fields, begin, 1000)).toBe(true);
  });
});

describe('what was gathered is passed on', () => {
  const content = Array.from({ length: 300 }, (_, at) => String(at).padStart(5, '0')).join('');
  const inChunks = `${content
    .match(/.{100}/g)
    ?.map((piece) => `64\r\n${piece}\r\n`)
    .join('')}0\r\nT: u\r\n\r\n`;

  test.each([
    ['with a length', post(`Content-Length: ${content.length}\r\n`, content)],
    ['in chunks', post('Transfer-Encoding: chunked\r\n', inChunks)],
    ['with a length, as expected', post(`Expect: 100-continue\r\nContent-Length: ${content.length}\r\n`, content)],
  ])('%s, wherever it is cut and however much is waited for', async (_, request) => {
    for (const gatherBytes of [1, 100, 700, content.length, content.length + 1]) {
      const { port } = await setup({ gatherBytes });
      const client = await peers.client(port);
      for (const cut of [0, 60, 90, 200, 800, request.length - 1]) {
        client.received = '';
        client.send(request.slice(0, cut));
        await pause(3);
        client.send(request.slice(cut));
        expect(await client.until('00299.')).toContain(`got ${content.length} 00299.`);
      }
    }
  });

  test('past what one socket holds', async () => {
    const { port } = await setup({ gatherBytes: 1000 });
    const body = 'x'.repeat(5_000_000);
    const client = await peers.client(port);
    client.send(post(`Content-Length: ${body.length}\r\n`, body));
    expect(await client.until('xxxxx.')).toContain('got 5000000 xxxxx.');
  });

  test('two requests in turn', async () => {
    const { port } = await setup({ gatherBytes: 1000, connections: 1 });
    const client = await peers.client(port);
    client.send(post('Content-Length: 5\r\n', 'first') + post('Content-Length: 6\r\n', 'second'));
    expect(await client.until('econd.')).toMatch(/got 5 first\.[\s\S]*got 6 econd\./);
  });
});

test.each([
  ['before enough is there', 'ab'],
  ['while it waits for a connection', 'abcdefghij'],
])('a client that goes away %s leaves nothing behind', async (_, begin) => {
  const { port, service } = await setup({ connections: 1, gatherBytes: 10 });
  const first = await peers.client(port);
  first.send(post('Content-Length: 50\r\n', 'x'.repeat(20)));
  await expect.poll(() => service.stats.active).toBe(1);
  const second = await peers.client(port);
  second.send(post('Content-Length: 50\r\n', begin));
  await pause(20);
  second.socket.destroy();
  await pause(20);
  first.send('x'.repeat(30));
  expect(await first.until('xxxxx.')).toContain('got 50');
  const third = await peers.client(port);
  third.send(get);
  expect(await third.until('got 0')).toContain('got 0');
  expect(service.stats.requests).toBe(2);
});
