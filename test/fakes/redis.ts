// A Redis (or Valkey) server of a test's own, and a wire to it that can be cut and slowed down.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The server programs that are spoken to, and whether they are on this machine. */
export const redisPrograms = ['redis-server', 'valkey-server'].map((name) => ({
  name,
  isThere: spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
}));

/** One that is on this machine, undefined where there is none. */
export const redisProgram = redisPrograms.find(({ isThere }) => isThere)?.name;

export interface TestRedis {
  /** Unix socket that it listens on. */
  readonly path: string;
  readonly url: string;
  /** One command by hand, as text. */
  command(...words: string[]): Promise<string>;
  /** Ends it as a power cut would, and starts it again with nothing in it. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server that keeps nothing on disk. `extra`: more of its options. */
export async function startRedis(program: string, ...extra: string[]): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'mrd-'));
  const path = join(folder, 'r.sock');
  const start = async (): Promise<ChildProcess> => {
    const options = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no', '--dir', folder];
    const child = spawn(program, [...options, ...extra], { stdio: 'ignore' });
    for (let tries = 0; ; tries++) {
      try {
        await talk(path, 'PING');
        return child;
      } catch (error) {
        if (tries > 400 || child.exitCode !== null) throw error;
        await new Promise((resume) => setTimeout(resume, 25));
      }
    }
  };
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };
  let child = await start();
  return {
    path,
    url: `unix://${path}`,
    command: (...words) => talk(path, ...words),
    restart: async () => {
      await end(child);
      child = await start();
    },
    stop: async () => {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function talk(path: string, ...words: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      socket.write(`*${words.length}\r\n${parts.join('')}`);
    });
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('data', (text: unknown) => {
      socket.destroy();
      resolve(String(text).trim());
    });
  });
}

/** A wire between one host and the server. */
export interface Relay {
  readonly url: string;
  /** Ends what is open and takes nothing more. */
  cut(): void;
  /** Lets bytes through so much later, in both directions. */
  delay(ms: number): void;
  heal(): void;
  stop(): void;
}

/** A wire to the server at `path`, on a loopback port of its own. */
export async function startRelay(path: string): Promise<Relay> {
  const open = new Set<Socket>();
  let isCut = false;
  let delayMs = 0;
  const pass = (from: Socket, to: Socket): void => {
    from.on('data', (bytes) => {
      if (delayMs === 0) to.write(bytes);
      else setTimeout(() => to.destroyed || to.write(bytes), delayMs);
    });
    from.on('close', () => to.destroy());
    from.on('error', () => to.destroy());
    open.add(from);
  };
  const server: Server = createServer((near) => {
    if (isCut) return void near.destroy();
    const far = connect(path);
    pass(near, far);
    pass(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const closeAll = (): void => {
    for (const socket of open) socket.destroy();
    open.clear();
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    cut: () => {
      isCut = true;
      closeAll();
    },
    delay: (ms) => void (delayMs = ms),
    heal: () => {
      isCut = false;
      delayMs = 0;
    },
    stop: () => {
      closeAll();
      server.close();
    },
  };
}
