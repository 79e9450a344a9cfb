import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readGrpcMethods } from '../../src/openapi/control.ts';
import {
  descriptorSet,
  EchoClient,
  type EchoService,
  methodOf,
  startEchoService,
  type Words,
} from '../fakes/grpc-service.ts';
import { type MeshParts, type MeshPlatform, startMeshPlatform, trusting } from '../fakes/mesh-platform.ts';

// grpc-js calls a server of grpc-js through the gateway (TLS, HTTP/2), the agent (mutual TLS, HTTP/2) and plain HTTP/2.
let service: EchoService;
let platform: MeshPlatform;
let client: EchoClient;

async function start(parts: Partial<MeshParts> = {}): Promise<void> {
  service = await startEchoService();
  platform = await startMeshPlatform(service.port, { protocol: 'grpc', ...parts });
  client = new EchoClient(`localhost:${platform.edge}`, trusting(platform));
}

afterEach(async () => {
  client.close();
  await platform.stop();
  service.stop();
});

async function all(call: AsyncIterable<Words>): Promise<Words[]> {
  const words: Words[] = [];
  for await (const each of call) words.push(each);
  return words;
}

describe('a call through the gateway', () => {
  beforeEach(() => start());

  test('unary: message, metadata, head and trailers', async () => {
    const metadata = new Metadata();
    metadata.set('x-word', 'one');
    metadata.set('x-some-bin', Buffer.from([0, 255]));
    metadata.set('merlon-subject', 'admin');
    const { code, reply, head, trailers } = await client.say({ text: 'grüß dich' }, { metadata });
    expect([code, reply?.text]).toEqual([0, 'grüß dich']);
    expect(head.get('x-head')).toEqual(['yes']);
    expect(trailers.get('x-sum')).toEqual(['7']);
    const heard = service.heard[0]?.metadata as Metadata;
    expect(heard.get('x-word')).toEqual(['one']);
    expect(heard.get('x-some-bin')).toEqual([Buffer.from([0, 255])]);
    expect(heard.get('merlon-subject')).toEqual([]);
    await expect.poll(() => platform.decisions.length).toBe(1);
    expect(platform.decisions[0]).toMatchObject({
      verdict: 'allow',
      status: 200,
      grpcStatus: 0,
      operation: 'echo.v1.Echo/Say',
      service: 'echo',
    });
    expect(head.get('merlon-decision')).toEqual([platform.decisions[0]?.id]);
    expect(platform.meshDecisions[0]).toMatchObject({ plane: 'mesh', verdict: 'allow' });
  });

  test('a failure of the service arrives with its status, message and trailers', async () => {
    const { code, details, trailers } = await client.say({ text: 'fail 5 nothing here: 100 % ünknown' });
    expect([code, details]).toEqual([5, 'nothing here: 100 % ünknown']);
    expect(trailers.get('x-sum')).toEqual(['7']);
    await expect.poll(() => platform.decisions[0]?.grpcStatus).toBe(5);
  });

  test('server streaming', async () => {
    const words = await all(client.repeat({ text: 'again', times: 50 }));
    expect(words.map(({ times }) => times)).toEqual(Array.from({ length: 50 }, (_, at) => at));
  });

  test('client streaming', async () => {
    const reply = await new Promise<Words>((resolve, reject) => {
      const call = client.gather((error, value) => (error === null ? resolve(value as Words) : reject(error)));
      for (let turn = 0; turn < 20; turn++) call.write({ text: '', blob: Buffer.alloc(1000) });
      call.end();
    });
    expect(reply).toMatchObject({ text: '20000 bytes', times: 20 });
  });

  test('bidirectional: each answer comes before the next question', async () => {
    const call = client.talk();
    const answers: string[] = [];
    for await (const turn of [1, 2, 3, 4, 5]) {
      call.write({ text: `question ${turn}` });
      answers.push((await new Promise<Words>((resolve) => call.once('data', resolve))).text);
    }
    call.end();
    expect(answers).toEqual([1, 2, 3, 4, 5].map((turn) => `question ${turn}`));
    expect(await new Promise((resolve) => call.on('status', ({ code }) => resolve(code)))).toBe(0);
  });
});

describe('deadlines', () => {
  beforeEach(() => start());

  test('are passed on as what is left of them', async () => {
    await client.say({ text: 'x' }, { deadlineMs: 5000 });
    const leftMs = service.heard[0]?.leftMs ?? 0;
    expect(leftMs).toBeGreaterThan(3000);
    expect(leftMs).toBeLessThanOrEqual(5000);
  });

  test('are the gateway’s own bound: a service that hangs is given up', async () => {
    const metadata = new Metadata();
    // The client itself would wait for long.
    metadata.set('grpc-timeout', '300m');
    const before = Date.now();
    const { code } = await client.say({ text: 'hang' }, { deadlineMs: 400 });
    expect(code).toBe(4);
    expect(Date.now() - before).toBeLessThan(2000);
    await expect.poll(() => service.cancelled).toEqual(['Say']);
    await expect.poll(() => platform.decisions[0]).toBeDefined();
  });

  test('that cannot be read are refused', async () => {
    expect(await rawCall(platform, { 'grpc-timeout': '1 minute' })).toMatchObject({
      ':status': 200,
      'grpc-status': '3',
    });
    expect(service.heard).toEqual([]);
  });

  test('a hung call ends by the deadline without the client’s help', async () => {
    const answer = await rawCall(platform, { 'grpc-timeout': '250m' }, { text: 'hang' });
    expect(answer).toMatchObject({ ':status': 200, 'grpc-status': '4', 'content-type': 'application/grpc' });
    // The agent, whose share of it is smaller, may be the first to give up.
    await expect.poll(() => platform.decisions[0]?.grpcStatus).toBe(4);
    await expect.poll(() => service.cancelled).toEqual(['Say']);
  });

  test('a stream that has begun ends with trailers that say so', async () => {
    const call = client.repeat({ text: 'hang', times: 3 }, new Metadata(), 700);
    const words: Words[] = [];
    const code = await new Promise<number>((resolve) => {
      call.on('data', (each: Words) => words.push(each));
      call.on('error', () => undefined);
      call.on('status', (status) => resolve(status.code));
    });
    expect([code, words.length]).toEqual([4, 3]);
    await expect.poll(() => service.cancelled).toEqual(['Repeat']);
  });
});

describe('cancelling', () => {
  beforeEach(() => start());

  test('a client that hangs up is heard by the service, whichever kind of call it is', async () => {
    const unary = client.makeUnaryRequest(
      methodOf('Say').path,
      methodOf('Say').requestSerialize,
      methodOf('Say').responseDeserialize,
      { text: 'hang' },
      () => undefined,
    );
    const stream = client.repeat({ text: 'hang', times: 1 });
    stream.on('error', () => undefined);
    const talk = client.talk();
    talk.on('error', () => undefined);
    talk.write({ text: 'x' });
    await expect.poll(() => service.heard.length).toBe(3);
    for (const call of [unary, stream, talk]) call.cancel();
    await expect.poll(() => service.cancelled.toSorted()).toEqual(['Repeat', 'Say', 'Talk']);
    await expect.poll(() => platform.decisions.length).toBe(3);
  });

  test('a service that breaks off is heard by the client', async () => {
    const code = await new Promise<number>((resolve) => {
      const call = client.repeat({ text: 'break', times: 2 });
      call.on('data', () => undefined);
      call.on('error', () => undefined);
      call.on('status', (status) => resolve(status.code));
    });
    expect(code).toBe(10);
  });

  test('a service that dies is UNAVAILABLE', async () => {
    const call = client.repeat({ text: 'hang', times: 1 });
    const code = new Promise<number>((resolve) => call.on('status', (status) => resolve(status.code)));
    call.on('error', () => undefined);
    await new Promise((resolve) => call.once('data', resolve));
    service.stop();
    expect(await code).toBe(14);
    expect((await client.say({ text: 'x' })).code).toBe(14);
  });
});

describe('refusals are read as gRPC statuses', () => {
  test('no credential is UNAUTHENTICATED', async () => {
    await start({ route: { auth: 'required' } });
    const { code, details, head, trailers } = await client.say({ text: 'x' });
    expect(code).toBe(16);
    expect(details).not.toBe('');
    expect([...head.get('merlon-decision'), ...trailers.get('merlon-decision')]).toEqual([platform.decisions[0]?.id]);
    expect(platform.decisions[0]).toMatchObject({ verdict: 'deny', status: 401, grpcStatus: 16 });
    expect(service.heard).toEqual([]);
  });

  test('a network that may not call is PERMISSION_DENIED', async () => {
    await start({ snapshot: { ipDeny: { networks: ['127.0.0.0/8', '::1/128'], files: [] } } });
    expect((await client.say({ text: 'x' })).code).toBe(7);
  });

  test('no such route is UNIMPLEMENTED', async () => {
    await start({ route: { path: '/other' } });
    expect((await client.say({ text: 'x' })).code).toBe(12);
  });

  test('over the limit is RESOURCE_EXHAUSTED', async () => {
    const rule = {
      kind: 'rate',
      id: 'gateway:perIp',
      name: 'perIp',
      by: 'ip',
      origin: '',
      text: '1/min',
      count: 1,
      periodMs: 60_000,
    } as const;
    await start({ snapshot: { limits: { ipv6PrefixBits: 64, gateway: [rule], routes: {} } } });
    expect((await client.say({ text: 'x' })).code).toBe(0);
    expect((await client.say({ text: 'x' })).code).toBe(8);
  });

  test('what is no gRPC is refused in HTTP', async () => {
    await start();
    expect(await rawCall(platform, { 'content-type': 'application/json' })).toMatchObject({ ':status': 415 });
    expect(await rawCall(platform, { ':method': 'GET' })).toMatchObject({ ':status': 200, 'grpc-status': '12' });
  });
});

describe('only declared methods are let in', () => {
  const methods = readGrpcMethods(descriptorSet());
  const declared = methods.filter(({ path }) => path.startsWith('/echo.v1.Echo/'));
  const undeclared = methodOf('Tell');

  test('an undeclared one is UNIMPLEMENTED, and the service never hears of it', async () => {
    await start({ snapshot: { grpc: { echo: declared } } });
    expect((await client.say({ text: 'x' })).code).toBe(0);
    expect((await client.say({ text: 'x' }, { method: undeclared })).code).toBe(12);
    expect(service.heard.map(({ method }) => method)).toEqual(['Say']);
    await expect.poll(() => platform.decisions.length).toBe(2);
    const refused = platform.decisions.find(({ verdict }) => verdict === 'deny');
    expect(refused).toMatchObject({ status: 404, reason: { filter: 'grpc', code: 'openapi.grpc-undeclared' } });
    expect(refused?.steps.find(({ filter }) => filter === 'grpc')?.outcome).toBe('deny');
  });

  test('it would get through, were the protection off', async () => {
    const weaknesses = new Set(['openapi.undeclared-operation'] as const);
    await start({ snapshot: { grpc: { echo: declared } }, weaknesses });
    expect((await client.say({ text: 'x' }, { method: undeclared })).reply?.text).toBe('secret');
  });

  test('it is reported and passes where the route says so', async () => {
    const validate = { requests: 'report', unknownFields: 'refuse', undeclared: 'refuse', responses: 'off' } as const;
    await start({ snapshot: { grpc: { echo: declared } }, route: { validate } });
    expect((await client.say({ text: 'x' }, { method: undeclared })).code).toBe(0);
    await expect
      .poll(() => platform.decisions[0]?.steps.find(({ filter }) => filter === 'grpc')?.outcome)
      .toBe('report');
  });
});

describe('messages', () => {
  test('larger than the route takes are refused, however much a stream carries in all', async () => {
    await start({ route: { bodyBytes: 100_000 } });
    const gather = (sizes: number[]) =>
      new Promise<number | string>((resolve) => {
        const call = client.gather((error, value) => resolve(error?.code ?? (value?.text as string)));
        call.on('error', () => undefined);
        for (const size of sizes) call.write({ text: '', blob: Buffer.alloc(size) });
        call.end();
      });
    expect(await gather(Array.from({ length: 30 }, () => 90_000))).toBe('2700000 bytes');
    expect(await gather([90_000, 100_001, 90_000])).toBe(8);
    expect((await client.say({ text: '', blob: Buffer.alloc(100_001) })).code).toBe(8);
  });

  test('they would pass, were the protection off', async () => {
    await start({ route: { bodyBytes: 100_000 }, weaknesses: new Set(['http.body-limit'] as const) });
    expect((await client.say({ text: '', blob: Buffer.alloc(200_000) })).code).toBe(0);
  });

  test('ninety megabytes leave the memory flat', async () => {
    await start();
    const before = process.memoryUsage().rss;
    let bytes = 0;
    let most = 0;
    const call = client.repeat({ text: '', times: 100, blob: Buffer.alloc(900_000) });
    for await (const { blob } of call) {
      bytes += (blob as Buffer).length;
      most = Math.max(most, process.memoryUsage().rss);
    }
    expect(bytes).toBe(90_000_000);
    // Client, gateway, both halves of the mesh and the service live in this process.
    expect(most - before).toBeLessThan(200_000_000);
  });
});

describe('through the mesh, from service to service', () => {
  test('by the loopback port of a declared call, without TLS', async () => {
    await start();
    const caller = new EchoClient(`127.0.0.1:${platform.edgePort}`);
    const { code, reply } = await caller.say({ text: 'hello' });
    expect([code, reply?.text]).toEqual([0, 'hello']);
    expect((await all(caller.repeat({ text: 'x', times: 10 }))).length).toBe(10);
    expect(service.heard[0]?.metadata.get('merlon-caller')).toEqual(['spiffe://test.example/service/caller']);
    expect(service.heard[0]?.leftMs).toBeLessThanOrEqual(10_000);
    expect((await caller.say({ text: 'hang' }, { deadlineMs: 300 })).code).toBe(4);
    await expect.poll(() => service.cancelled.at(-1)).toBe('Say');
    expect(platform.meshDecisions[0]).toMatchObject({ plane: 'mesh', verdict: 'allow', service: 'echo' });
    caller.close();
  });
});

const hasGrpcurl = spawnSync('grpcurl', ['--version']).status === 0;

test.skipIf(!hasGrpcurl)('grpcurl, written in Go, is served as well', async () => {
  await start();
  const folder = mkdtempSync(join(tmpdir(), 'merlon-grpc-'));
  writeFileSync(join(folder, 'ca.pem'), platform.ca);
  writeFileSync(join(folder, 'echo.binpb'), descriptorSet());
  const flags = ['-cacert', join(folder, 'ca.pem'), '-protoset', join(folder, 'echo.binpb')];
  const { stdout } = await promisify(execFile)('grpcurl', [
    ...flags,
    ...['-d', '{"text":"hi","times":3}', `localhost:${platform.edge}`, 'echo.v1.Echo/Repeat'],
  ]);
  expect(stdout.match(/"text": "hi"/g)).toHaveLength(3);
  rmSync(folder, { recursive: true });
});

/** One call by frames of Node's own client: the head, or the only head, of the answer. */
function rawCall(
  { edge, ca }: MeshPlatform,
  headers: OutgoingHttpHeaders,
  words: Words = { text: 'x' },
): Promise<IncomingHttpHeaders> {
  const session = connect(`https://localhost:${edge}`, { ca });
  const message = methodOf('Say').requestSerialize(words);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/echo.v1.Echo/Say',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    stream.on('response', (fields) => {
      resolve(fields);
      session.destroy();
    });
    stream.on('error', reject);
    if (headers[':method'] === 'GET') stream.end();
    else stream.end(Buffer.concat([prefix, message]));
  });
}
