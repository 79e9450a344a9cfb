import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { bindPublicPort, type PublicPort } from './public-port.ts';

const bound: PublicPort[] = [];
const servers: Server[] = [];
afterEach(async () => {
  for (const port of bound.splice(0)) await port.stop();
  for (const server of servers.splice(0)) server.close();
});

async function take(host = '127.0.0.1'): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, host, done));
  return (server.address() as { port: number }).port;
}

async function free(): Promise<number> {
  const port = await take();
  await new Promise((closed) => servers.pop()?.close(closed));
  return port;
}

test('a worker that is handed the socket serves on it; after its death the next one does, and callers between wait', async () => {
  const port = await free();
  const handle = await bindPublicPort('127.0.0.1', port);
  bound.push(handle);
  const program = `require('http').createServer((q, s) => s.end(process.pid + '')).listen({ fd: 3 }, () => console.log('on'))`;
  const worker = async () => {
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit', handle.descriptor] });
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    return child;
  };
  const ask = async (): Promise<string> =>
    (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text();
  const first = await worker();
  expect(await ask()).toBe(String(first.pid));
  first.kill('SIGKILL');
  await once(first, 'exit');
  const waiting = ask();
  const second = await worker();
  expect(await waiting).toBe(String(second.pid));
  second.kill('SIGKILL');
  await once(second, 'exit');
});

test('a port that is taken is told by number', async () => {
  const port = await take();
  await expect(bindPublicPort('127.0.0.1', port)).rejects.toMatchObject({
    code: 'gateway.port-in-use',
    message: `port ${port} on \`127.0.0.1\` is already in use`,
    hint: expect.stringContaining('gateway.listen'),
  });
});

test('an address that is not of this machine is told as such', async () => {
  for (const host of ['192.0.2.1', '2001:db8::1'])
    await expect(bindPublicPort(host, 18_443)).rejects.toMatchObject({
      code: 'gateway.bad-address',
      message: expect.stringContaining(host),
    });
});

test('a port of the system is told as such to a user who may not have it', async () => {
  // In a process of its own, since tests may run as root.
  const program = `
    if (process.getuid() === 0) process.setuid(65534);
    const { bindPublicPort } = await import(${JSON.stringify(new URL('./public-port.ts', import.meta.url).href)});
    await bindPublicPort('127.0.0.1', 81).then(() => console.log('bound'), (error) => console.log(error.code));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  // Containers may let everyone have low ports (net.ipv4.ip_unprivileged_port_start).
  expect(['gateway.port-forbidden', 'bound']).toContain(said.toString().trim());
});

test('a port that was given back can be bound again', async () => {
  const port = await free();
  for (let turn = 0; turn < 3; turn++) await (await bindPublicPort('127.0.0.1', port)).stop();
});
