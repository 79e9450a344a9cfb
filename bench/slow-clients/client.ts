// The well-behaved client, a process of its own: it asks at a constant rate whether or not it was answered, over 16 connections that stay,
// one request in twenty over a fresh one, until it gets SIGTERM. It then writes to a file when each request was sent (epoch milliseconds), how
// long its answer took, and how many failed.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent as PlainAgent, request as requestPlain } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import type { ClientLog } from './bench.ts';

const requestsPerSecond = 400;
const freshEvery = 20;
const answerWithinMs = 10_000;

const [scheme, port, file = ''] = process.argv.slice(2);
const isTls = scheme === 'https';
const shared = { localAddress: '127.0.0.2', rejectUnauthorized: false };
const pool = { ...shared, keepAlive: true, maxSockets: 16 };
const agent = isTls ? new TlsAgent(pool) : new PlainAgent(pool);

async function answered(isFresh: boolean): Promise<boolean> {
  const words = { ...shared, host: '127.0.0.1', port, path: '/items/7', timeout: answerWithinMs };
  const own = isFresh ? false : agent;
  const sent = isTls
    ? requestTls({ ...words, agent: own as TlsAgent })
    : requestPlain({ ...words, agent: own as PlainAgent });
  sent.on('timeout', () => sent.destroy());
  sent.end();
  try {
    const [response] = await once(sent, 'response');
    response.resume();
    await once(response, 'end');
    return response.statusCode === 200;
  } catch {
    return false;
  }
}

const log: ClientLog = { sentAtMs: [], tookMs: [], failed: 0 };
async function ask(isFresh: boolean): Promise<void> {
  const sentAtMs = performance.timeOrigin + performance.now();
  if (!(await answered(isFresh))) log.failed++;
  log.sentAtMs.push(sentAtMs);
  log.tookMs.push(performance.timeOrigin + performance.now() - sentAtMs);
}

const asked: Promise<void>[] = [];
const start = performance.now();
const timer = setInterval(() => {
  const due = ((performance.now() - start) * requestsPerSecond) / 1000;
  while (asked.length < due) asked.push(ask(asked.length % freshEvery === 0));
}, 1);
process.once('SIGTERM', async () => {
  clearInterval(timer);
  await Promise.all(asked);
  writeFileSync(file, JSON.stringify(log));
  process.exit(0);
});
