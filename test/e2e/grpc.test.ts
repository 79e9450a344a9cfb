// Calls of gRPC through a real platform: a server and a client of grpc-js, and every process of ours between them.
import { writeFileSync } from 'node:fs';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { join } from 'node:path';
import { credentials, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { descriptorSet, EchoClient, methodOf, type Words } from '../fakes/grpc-service.ts';
import { type Platform, startPlatform } from './platform.ts';

const service = join(import.meta.dirname, '..', 'fakes', 'grpc-responder.ts');

let platform: Platform;
let client: EchoClient;
let alice: Metadata;

beforeAll(async () => {
  platform = await startPlatform({
    folder: join(import.meta.dirname, 'grpc'),
    edit: (manifest) => manifest.replace('echo-service.ts', service),
    prepare: (folder) => writeFileSync(join(folder, 'echo.binpb'), descriptorSet()),
  });
  client = new EchoClient(`localhost:${platform.port}`, credentials.createSsl(Buffer.from(platform.ca)));
  alice = await credentialsOf('alice');
}, 120_000);

afterAll(async () => {
  client?.close();
  await platform?.stop();
}, 60_000);

async function credentialsOf(user: string): Promise<Metadata> {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${await platform.token(user)}`);
  return metadata;
}

const decisionOf = (...fields: Metadata[]): string =>
  String(fields.map((each) => each.get('merlon-decision')[0]).find((id) => id !== undefined));

it('carries a unary call: message, fields, trailers, and the decision', async () => {
  const { code, reply, head, trailers } = await client.say({ text: 'grüß dich' }, { metadata: alice });
  expect([code, reply?.text]).toEqual([0, 'grüß dich']);
  expect([head.get('x-head'), trailers.get('x-sum')]).toEqual([['yes'], ['7']]);
  const explanation = await platform.explain(decisionOf(head));
  expect(explanation).toContain('alice');
  expect(explanation).toContain('echo.v1.Echo/Say');
});

it("carries a failure of the service's own: status, message and trailers", async () => {
  const { code, details, trailers } = await client.say({ text: 'fail 9 not now' }, { metadata: alice });
  expect([code, details, trailers.get('x-sum')]).toEqual([9, 'not now', ['7']]);
});

it('streams from the service', async () => {
  const words: Words[] = [];
  for await (const each of client.repeat({ text: 'again', times: 100 }, alice) as AsyncIterable<Words>)
    words.push(each);
  expect(words.map(({ times }) => times)).toEqual(Array.from({ length: 100 }, (_, at) => at));
});

it('streams to the service', async () => {
  const reply = await new Promise<Words>((resolve, reject) => {
    const call = client.gather((error, value) => (error === null ? resolve(value as Words) : reject(error)), alice);
    for (let turn = 0; turn < 50; turn++) call.write({ text: '', blob: Buffer.alloc(10_000) });
    call.end();
  });
  expect(reply).toMatchObject({ text: '500000 bytes', times: 50 });
});

it('streams both ways: each answer comes before the next question', async () => {
  const call = client.talk(alice);
  const answers: string[] = [];
  for (const turn of ['one', 'two', 'three']) {
    call.write({ text: turn });
    answers.push((await new Promise<Words>((resolve) => call.once('data', resolve))).text);
  }
  call.end();
  expect(answers).toEqual(['one', 'two', 'three']);
  expect(await new Promise((resolve) => call.on('status', ({ code }) => resolve(code)))).toBe(0);
});

it('ends a call by its deadline, though neither its client nor the service would', async () => {
  const answer = await raw('/echo.v1.Echo/Say', { text: 'hang' }, { 'grpc-timeout': '400m' });
  expect(answer).toMatchObject({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '4' });
  expect((await client.say({ text: 'hang' }, { metadata: alice, deadlineMs: 500 })).code).toBe(4);
});

it('passes a call without any message on to the service, which refuses it', async () => {
  const answer = await raw('/echo.v1.Echo/Say', undefined);
  expect(answer).toMatchObject({ ':status': 200, 'grpc-status': '12' });
  expect(decodeURIComponent(String(answer['grpc-message']))).toMatch(/no request message/);
});

it('refuses a method that is not declared, and explains it', async () => {
  const { code, reply, trailers, head } = await client.say(
    { text: 'x' },
    { metadata: alice, method: { ...methodOf('Say'), path: '/echo.v1.Echo/Forget' } },
  );
  expect([code, reply]).toEqual([12, undefined]);
  const explanation = await platform.explain(decisionOf(head, trailers));
  expect(explanation).toContain('openapi.grpc-undeclared');
  expect(explanation).toContain('the service has no such method');
  expect(explanation).toMatch(/descriptors/);
});

it('refuses who is nobody, and who may not, in the words of gRPC', async () => {
  const nobody = await client.say({ text: 'x' });
  const nina = await client.say({ text: 'x' }, { metadata: await credentialsOf('nina') });
  expect([nobody.code, nina.code]).toEqual([16, 7]);
  expect(await platform.explain(decisionOf(nina.head, nina.trailers))).toContain('echo:call');
});

/** One call by frames of Node's own client; gives the head of the answer. */
async function raw(
  path: string,
  words: Words | undefined,
  fields: Record<string, string> = {},
): Promise<IncomingHttpHeaders> {
  const session = connect(platform.url, { ca: platform.ca });
  const authorization = `Bearer ${await platform.token('alice')}`;
  const message = words === undefined ? undefined : methodOf('Say').requestSerialize(words);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message?.length ?? 0, 1);
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    const stream = session.request({
      ...{ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' },
      ...{ authorization, ...fields },
    });
    stream.on('response', (head) => {
      resolve(head);
      session.destroy();
    });
    stream.on('error', reject);
    stream.end(message === undefined ? undefined : Buffer.concat([prefix, message]));
  });
}
