import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Decision } from '../api/record.ts';
import type { AgentSnapshot } from '../api/snapshot.ts';
import { systemClock } from '../core/clock.ts';
import { createEgress, type Egress, isAllowedDestination } from './egress.ts';

test.each([
  ['api.stripe.com:443', true],
  ['api.stripe.com:80', false],
  ['evil.example:443', false],
  ['a.example.com:443', true],
  ['example.com:443', false],
  ['aexample.com:443', false],
  ['api.stripe.com:443.evil.example:443', false],
])('%s is a declared destination: %s', (target, allowed) => {
  expect(isAllowedDestination(target, ['api.stripe.com:443', '*.example.com:443'])).toBe(allowed);
});

let egress: Egress | undefined;
let destination: Server | undefined;

afterEach(async () => {
  await egress?.stop();
  destination?.close();
});

async function listen(): Promise<number> {
  destination = createServer((socket) => socket.pipe(socket));
  destination.listen(0, '127.0.0.1');
  await once(destination, 'listening');
  return (destination.address() as AddressInfo).port;
}

async function start(allow: string[], decisions: Decision[]): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  egress = createEgress({ clock: systemClock, record: (decision) => decisions.push(decision) });
  await egress.apply({ egress: [{ service: 'orders', port, allow }] } as unknown as AgentSnapshot);
  return port;
}

function tunnel(port: number, target: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\nping`),
    );
    socket.on('data', (chunk) => {
      answer += chunk;
      if (answer.endsWith('ping')) socket.end();
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', () => resolve(answer));
  });
}

test('a declared destination is reached, and recorded', async () => {
  const decisions: Decision[] = [];
  const target = `127.0.0.1:${await listen()}`;
  expect(await tunnel(await start([target], decisions), target)).toContain('ping');
  expect(decisions[0]).toMatchObject({ plane: 'egress', verdict: 'allow', service: 'orders', host: target });
});

test('any other is refused, with what would allow it', async () => {
  const decisions: Decision[] = [];
  const target = `127.0.0.1:${await listen()}`;
  const answer = await tunnel(await start(['api.stripe.com:443'], decisions), target);
  expect(answer).toContain('403 Forbidden');
  expect(decisions[0]?.reason).toMatchObject({ code: 'mesh.undeclared-egress', rule: 'services.orders.egress' });
});
