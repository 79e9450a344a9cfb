// Each role is killed in turn, as a crash or the kernel would do it. The others go on, and nothing acknowledged is lost.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Call } from './caller.ts';
import { commandOf, outputOf, type Platform, type Status, startPlatform, until } from './platform.ts';

const order = { items: [{ productId: 'cup', quantity: 1 }], cardToken: 'tok_visa_4242' };
const orders = '/api/orders?limit=1';

let platform: Platform;
let call: Platform['call'];
let placed: Call;

beforeAll(async () => {
  platform = await startPlatform({ edit: (text) => text.replaceAll(/per(User|Ip): \d+\/min/g, 'per$1: 600000/min') });
  call = platform.call;
  placed = await call('/api/orders', { method: 'POST', as: 'alice', body: order });
}, 90_000);

afterAll(() => platform?.stop(), 60_000);

type Role = 'control' | 'gateway' | 'agent';

const pidOf = (role: Role): number => platform.roles().find((each) => each.role === role)?.pid ?? 0;

/** Kills a role and waits until the kernel has nothing left of it. */
async function kill(role: Role): Promise<number> {
  const pid = pidOf(role);
  process.kill(pid, 'SIGKILL');
  await until(`${role} is gone`, () => commandOf(pid).length === 0);
  return pid;
}

/** Waits until another process has the role and control has heard from all that they serve: of the services it knows from the supervisor. */
async function isBack(role: Role, former: number): Promise<void> {
  await until(`${role} runs again`, () => ![0, former].includes(pidOf(role)), 15_000, platform.output);
  await until(
    `${role} serves again`,
    async () => {
      const { roles } = await platform.status().catch(() => ({ roles: [] }) as Pick<Status, 'roles'>);
      return ['gateway', 'agent', 'supervisor'].every((name) =>
        roles.some((each) => each.role === name && each.version !== undefined),
      );
    },
    20_000,
    platform.output,
  );
}

const services = async (): Promise<unknown> =>
  (await platform.status()).services.map(({ service, pid, state }) => [service, pid, state]).sort();

const refusal = (): Promise<Call> => call('/api/orders', { method: 'POST', as: 'alice', body: { nothing: true } });

it('serves while control is away, and keeps all that control had acknowledged', async () => {
  const before = await services();
  const denied = await refusal();
  const added = outputOf(await platform.merlon('users', 'add', 'zoe', '--role', 'customer'));
  const former = await kill('control');

  const answers: Call[] = [];
  while (answers.length < 20 || pidOf('control') === 0) answers.push(await call(orders, { as: 'alice' }));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const deniedAlone = await refusal();
  expect(deniedAlone.status).toBe(400);

  await isBack('control', former);
  expect(await services()).toEqual(before);
  expect(outputOf(await platform.merlon('users', 'list'))).toContain('zoe');
  const token = outputOf(await platform.merlonWith(added, 'token', '--user', 'zoe', '--password-stdin'));
  expect((await call('/api/orders', { token })).status).toBe(200);
  for (const { decision } of [denied, deniedAlone]) expect(await platform.explain(decision)).toContain('openapi');
}, 60_000);

it('lets callers wait, and refuses none, while the gateway starts again', async () => {
  const denied = await refusal();
  const former = await kill('gateway');
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(orders, { as: 'alice' })));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  await isBack('gateway', former);
  expect(await platform.explain(denied.decision)).toContain('openapi');
}, 60_000);

it('answers for itself while the agent is away, and reaches the services again after', async () => {
  const former = await kill('agent');
  const [open, refused] = await Promise.all([call('/oidc/.well-known/openid-configuration'), call('/api/orders')]);
  expect([open.status, refused.status]).toEqual([200, 401]);
  await until('orders answers again', async () => (await call(orders, { as: 'alice' })).status === 200);
  await isBack('agent', former);
  const again = await call('/api/orders', { method: 'POST', as: 'alice', body: order });
  expect(again.status, again.text).toBe(201);
}, 60_000);

it('starts a service again that was killed, with what it had stored', async () => {
  const service = async () => (await platform.status()).services.find((each) => each.service === 'orders');
  const former = (await service())?.pid as number;
  process.kill(former, 'SIGKILL');
  await until('orders is healthy again', async () => {
    const now = await service();
    return now?.state === 'healthy' && now.pid !== former;
  });
  const kept = await call(`/api/orders/${placed.json.id}`, { as: 'alice' });
  expect(kept.json).toMatchObject({ id: placed.json.id, status: 'paid' });
}, 60_000);

describe('when all of it is killed at once', () => {
  it('comes back with users, orders, tokens and an intact ledger', async () => {
    const token = await platform.token('alice');
    const denied = await refusal();
    outputOf(await platform.merlon('users', 'add', 'yan', '--role', 'customer'));
    const pids = platform.roles().map(({ pid }) => pid);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    for (const role of ['control', 'gateway', 'agent'] as const) await isBack(role, pids[0] as number);
    expect((await call(`/api/orders/${placed.json.id}`, { token })).status).toBe(200);
    expect(await platform.explain(denied.decision)).toContain('openapi');
    expect(outputOf(await platform.merlon('users', 'list'))).toContain('yan');
    expect(outputOf(await platform.merlon('audit', 'verify'))).toContain('intact');
  }, 90_000);
});
