// A body that came with its head is had at once, without a promise; what follows it on the connection is the next request.
import { afterEach, expect, test } from 'vitest';
import { Peers, statusesOf } from '../../test/fakes/http-peers.ts';

const peers = new Peers();
afterEach(() => peers.close());

const post = (body: string, fields = ''): string =>
  `POST / HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;

/** A server that tells what was had at once, then what could be buffered; and one in front of it that forwards what it has had at once. */
async function setup() {
  const service = await peers.server({
    onRequest: async ({ body }, reply) => {
      const whole = body.whole(10);
      const buffered = await body.buffer(10).catch((error: { status: number }) => error.status);
      reply.send(200, {}, `<${whole ?? 'not here'}, ${buffered}, ${body.received}>`);
    },
  });
  const upstream = peers.upstream(service.port);
  const seen: (string | undefined)[] = [];
  const front = await peers.server({
    onRequest: (request, reply) => {
      seen.push(request.body.whole(1000)?.toString());
      upstream.forward(request, reply);
    },
  });
  return { service: service.port, front: front.port, seen };
}

const told = (text: string): string[] => text.match(/<[^>]*>/g) ?? [];

test('all of it, where it is no larger than is allowed', async () => {
  const { service } = await setup();
  const client = await peers.client(service);
  client.send(post('0123456789'));
  await client.until('>');
  client.send(post('0123456789a'));
  await client.until((text) => told(text).length === 2);
  expect(told(client.received)).toEqual(['<0123456789, 0123456789, 10>', '<not here, 413, 0>']);
});

test('not where a part of it is still to come', async () => {
  const { service } = await setup();
  const client = await peers.client(service);
  const text = post('0123456789');
  client.send(text.slice(0, -1));
  await new Promise((resume) => setTimeout(resume, 50));
  client.send(text.slice(-1));
  await client.until('>');
  client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n');
  await client.until((received) => told(received).length === 2);
  expect(told(client.received)).toEqual(['<not here, 0123456789, 10>', '<not here, a, 1>']);
});

test('what stands behind it is a request of its own, whoever reads the body and however it is cut', async () => {
  const { front, seen } = await setup();
  const hidden = 'GET /hidden HTTP/1.1\r\n\r\n';
  const text = post(hidden) + post('b') + post('', 'Connection: close\r\n');
  for (const cut of [text.length, post(hidden).length, post(hidden).length + 30]) {
    const client = await peers.client(front);
    client.send(text.slice(0, cut));
    if (cut < text.length) await client.until('>');
    client.send(text.slice(cut));
    expect(statusesOf(await client.untilClosed())).toEqual([200, 200, 200]);
    expect(told(client.received)).toEqual(['<not here, 413, 0>', '<b, b, 1>', '<, , 0>']);
  }
  expect(seen.filter((body) => body === hidden)).toHaveLength(3);
});

test('a client that waits to be told to go on is not told where it did not wait', async () => {
  const { service } = await setup();
  const client = await peers.client(service);
  client.send(post('abc', 'Expect: 100-continue\r\n'));
  await client.until('>');
  expect(statusesOf(client.received)).toEqual([200]);
});
