import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { systemClock } from '../core/clock.ts';
import { type Child, type ChildOptions, type ChildPlan, startChild } from './child.ts';
import { maxLineLength } from './output-lines.ts';

type Exit = Parameters<ChildOptions['onExit']>[0];

interface Started {
  readonly child: Child;
  readonly lines: string[];
  readonly exits: Exit[];
  readonly pids: number[];
}

let folder: string;
const children: Child[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'merlon-child-'));
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.stop()));
  rmSync(folder, { recursive: true, force: true });
});

function planOf(program: string, changes: Partial<ChildPlan> = {}): ChildPlan {
  return { name: 'orders', command: [process.execPath, '-e', program], cwd: folder, env: {}, ...changes };
}

function start(plan: ChildPlan, options: Partial<ChildOptions> = {}): Started {
  const [lines, exits, pids]: [string[], Exit[], number[]] = [[], [], []];
  const child = startChild(plan, {
    clock: systemClock,
    graceMs: 2000,
    onLine: (line) => lines.push(line),
    onStart: (pid) => pids.push(pid),
    onExit: (exit) => exits.push(exit),
    ...options,
  });
  children.push(child);
  return { child, lines, exits, pids };
}

async function until(what: () => boolean, timeoutMs = 10_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!what()) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resume) => setTimeout(resume, 10));
  }
}

function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}

const idle = 'setInterval(() => {}, 1000);';

describe('a process that ends', () => {
  test('is started again after a delay that doubles with each crash, up to a bound', async () => {
    const clock = new ManualClock();
    const { exits, pids, child } = start(planOf('process.exit(3)'), { clock });
    const delays: (number | undefined)[] = [];
    for (let crash = 1; crash <= 8; crash++) {
      await until(() => exits.length === crash);
      const { restartInMs, code } = exits.at(-1) as Exit;
      expect([code, child.pid]).toEqual([3, undefined]);
      delays.push(restartInMs);
      clock.advance((restartInMs as number) - 1);
      expect(pids).toHaveLength(crash);
      clock.advance(1);
      expect(pids).toHaveLength(crash + 1);
    }
    expect(delays).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  }, 30_000);

  test('and had run for long counts as one that never crashed', async () => {
    const clock = new ManualClock();
    const { exits, child } = start(planOf(idle), { clock });
    for (let crash = 1; crash <= 2; crash++) {
      await until(() => child.pid !== undefined);
      process.kill(child.pid as number, 'SIGKILL');
      await until(() => exits.length === crash);
      clock.advance(1000);
    }
    expect(exits.map(({ restartInMs, signal }) => [restartInMs, signal])).toEqual([
      [200, 'SIGKILL'],
      [400, 'SIGKILL'],
    ]);
    await until(() => child.pid !== undefined);
    clock.advance(31_000);
    process.kill(child.pid as number, 'SIGKILL');
    await until(() => exits.length === 3);
    expect(exits.at(-1)?.restartInMs).toBe(200);
  });

  test('is not started again where its exit code says that it would be of no use', async () => {
    const clock = new ManualClock();
    const { exits, pids } = start(planOf('process.exit(65)'), { clock, restart: (code) => code !== 65 });
    await until(() => exits.length === 1);
    expect(exits[0]).toEqual({ code: 65, signal: null, restartInMs: undefined });
    clock.advance(60_000);
    expect(pids).toHaveLength(1);
  });

  test('is told once where its command is not there, and tried again later', async () => {
    const { exits, pids, lines } = start(planOf('', { command: ['merlon-no-such-command'] }), {
      clock: new ManualClock(),
    });
    await until(() => exits.length === 1);
    await new Promise((resume) => setTimeout(resume, 50));
    expect([exits, pids]).toEqual([[{ code: 127, signal: null, restartInMs: 200 }], []]);
    expect(lines.join()).toContain('merlon-no-such-command');
  });

  test('for want of its folder says so, and does not blame the command', async () => {
    const { exits, lines } = start(planOf(idle, { cwd: join(folder, 'missing') }), { clock: new ManualClock() });
    await until(() => exits.length === 1);
    expect(lines).toEqual([`there is no folder \`${join(folder, 'missing')}\` to run it in`]);
  });
});

describe('stop', () => {
  test('lets it end by itself', async () => {
    const { child, lines, exits } = start(
      planOf(`process.on('SIGTERM', () => { console.log('bye'); process.exit(0); }); console.log('on'); ${idle}`),
    );
    await until(() => lines.includes('on'));
    await child.stop();
    await until(() => lines.includes('bye'));
    expect(exits).toEqual([]);
  });

  test('kills what does not end within its grace', async () => {
    const { child, lines, pids } = start(planOf(`process.on('SIGTERM', () => {}); console.log('on'); ${idle}`), {
      graceMs: 200,
    });
    await until(() => lines.includes('on'));
    await child.stop();
    expect(isRunning(pids[0] as number)).toBe(false);
  });

  test('ends what the process had started, though that heeds no signal', async () => {
    const stubborn = `process.on('SIGTERM', () => {}); console.log(process.pid); ${idle}`;
    const { child, lines } = start(
      planOf(
        `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(stubborn)}], { stdio: 'inherit' }); ${idle}`,
      ),
    );
    await until(() => lines.length === 1);
    const grandchild = Number(lines[0]);
    expect(isRunning(grandchild)).toBe(true);
    await child.stop();
    await until(() => !isRunning(grandchild));
  });

  test('keeps a crashed one from coming back, and may be called twice', async () => {
    const clock = new ManualClock();
    const { child, exits, pids } = start(planOf('process.exit(1)'), { clock });
    await until(() => exits.length === 1);
    await Promise.all([child.stop(), child.stop()]);
    clock.advance(60_000);
    expect(pids).toHaveLength(1);
  });
});

describe('replace', () => {
  test('ends the one and starts the other', async () => {
    const { child, lines, pids, exits } = start(planOf(`console.log('one'); ${idle}`));
    await until(() => lines.includes('one'));
    const next = planOf(`console.log(process.env.GREETING); ${idle}`, { env: { GREETING: 'two' } });
    await child.replace(next);
    await until(() => lines.includes('two'));
    expect([child.plan, child.pid, pids.length, exits]).toEqual([next, pids[1], 2, []]);
    expect(isRunning(pids[0] as number)).toBe(false);
  });

  test('starts one that waited for its next try at once, with no delay from before', async () => {
    const clock = new ManualClock();
    const { child, exits } = start(planOf('process.exit(1)'), { clock });
    await until(() => exits.length === 1);
    await child.replace(planOf('process.exit(2)'));
    await until(() => exits.length === 2);
    expect(exits.at(-1)).toMatchObject({ code: 2, restartInMs: 200 });
  });
});

describe('output', () => {
  test('comes line by line from both streams; the last twenty lines are kept', async () => {
    const { child, lines, exits } = start(
      planOf(`for (let n = 1; n <= 25; n++) console.log('line ' + n); console.error('end'); ${idle}`),
    );
    await until(() => lines.length === 26);
    expect(child.lastLines).toHaveLength(20);
    expect([...child.lastLines].sort()).toEqual([...lines].slice(-20).sort());
    expect(exits).toEqual([]);
  });

  test('an endless line is cut, takes no memory, and the next one is whole', async () => {
    const { lines } = start(
      planOf(
        `const part = 'x'.repeat(1 << 20); for (let n = 0; n < 32; n++) require('fs').writeSync(1, part); console.log('\\nnext\\r\\nlast ü'); ${idle}`,
      ),
    );
    await until(() => lines.length === 3);
    expect(lines.map((line) => line.length)).toEqual([maxLineLength, 4, 6]);
    expect(lines.slice(1)).toEqual(['next', 'last ü']);
  });

  test('what no line break ends is told when it ends', async () => {
    const { lines } = start(planOf(`process.stdout.write('half'); process.exitCode = 1`), { clock: new ManualClock() });
    await until(() => lines.length === 1);
    expect(lines).toEqual(['half']);
  });

  test('the environment holds what the plan says and nothing of ours', async () => {
    process.env.MERLON_TEST_SECRET = 'hunter2';
    const { lines } = start(planOf(`console.log(JSON.stringify(process.env)); ${idle}`, { env: { ONLY: 'this' } }));
    await until(() => lines.length === 1);
    delete process.env.MERLON_TEST_SECRET;
    expect(JSON.parse(lines[0] as string)).toEqual({ ONLY: 'this' });
  });
});
