// Two hosts, each a whole platform, that share their limits through one Redis or Valkey server with a password.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisProgram, startRedis, type TestRedis } from '../fakes/redis.ts';
import { createWorkspace, outputOf, type Platform, startPlatform, until } from './platform.ts';

describe.skipIf(redisProgram === undefined)('two platforms and one redis-server', () => {
  let redis: TestRedis;
  let platforms: Platform[] = [];

  beforeAll(async () => {
    redis = await startRedis(redisProgram as string, '--requirepass', 'hunter2');
    const edit = (manifest: string): string =>
      manifest
        .replace(
          'limits: { perIp: 1200/min,',
          `limits: { shared: { url: "${redis.url}", password: secret/redis#password, hosts: 2 }, perIp: 1200/min,`,
        )
        .replace('limits: { perUser: 120/min }', 'limits: { perClient: 8/h, quota: 1000/day }');
    const missing = await createWorkspace({ edit });
    const { exit, output } = missing.up();
    expect(await exit).not.toBe(0);
    expect(output()).toContain('secret/redis#password');
    missing.remove();
    platforms = await Promise.all([0, 1].map(() => startPlatform({ edit, beforeUp: putPassword })));
  }, 120_000);
  afterAll(async () => {
    for (const platform of platforms) await platform.stop();
    await redis?.stop();
  }, 60_000);

  async function putPassword(workspace: Pick<Platform, 'merlonWith'>): Promise<void> {
    outputOf(await workspace.merlonWith('hunter2', 'secrets', 'put', 'secret/redis', 'password'));
  }

  const ask = async (platform: Platform): Promise<number> =>
    (await platform.call('/api/catalog/products', { as: 'alice' })).status;

  /** Asks by turns, so many times. */
  async function askAll(times: number): Promise<number> {
    let admitted = 0;
    for (let at = 0; at < times; at++) admitted += (await ask(platforms[at % 2] as Platform)) === 200 ? 1 : 0;
    return admitted;
  }

  it('let a client through as often as one would', async () => {
    const admitted = await askAll(20);
    expect(admitted).toBeLessThanOrEqual(9);
    expect(admitted).toBeGreaterThanOrEqual(7);
  });

  it('go on by themselves while the server is away, and say so', async () => {
    await redis.stop();
    await until('the log says so', () => platforms.every(({ output }) => output().includes('limits are not shared')));
    for (const platform of platforms) expect((await platform.call('/')).status).toBe(200);
    let events = '';
    await until('the ledger says so', async () => {
      events = outputOf(await (platforms[0] as Platform).merlon('audit', 'query', '--json', '--limit', '200'));
      return events.includes('limits.shared.away');
    });
    expect(events).not.toContain('hunter2');
  });
});
