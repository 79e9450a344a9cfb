import { expect, test } from 'vitest';
import { Lifecycle } from './lifecycle.ts';

test('stops in reverse order, one after the other', async () => {
  const order: string[] = [];
  const lifecycle = new Lifecycle();
  for (const name of ['first', 'second', 'third'])
    lifecycle.add({
      stop: async () => {
        order.push(`${name} begins`);
        await new Promise((done) => setImmediate(done));
        order.push(`${name} ends`);
      },
    });
  lifecycle.defer(() => void order.push('deferred'));
  await lifecycle.stop();
  expect(order).toEqual([
    'deferred',
    'third begins',
    'third ends',
    'second begins',
    'second ends',
    'first begins',
    'first ends',
  ]);
});

test('gives back what it is given', () => {
  const part = { stop: async () => undefined, port: 1 };
  expect(new Lifecycle().add(part)).toBe(part);
});

test('a part that fails keeps none of the others from stopping', async () => {
  const stopped: string[] = [];
  const lifecycle = new Lifecycle();
  lifecycle.defer(() => void stopped.push('first'));
  lifecycle.defer(() => {
    throw new Error('broken');
  });
  lifecycle.defer(() => Promise.reject(new Error('broken too')));
  lifecycle.defer(() => void stopped.push('last'));
  await expect(lifecycle.stop()).rejects.toMatchObject({ errors: [{ message: 'broken too' }, { message: 'broken' }] });
  expect(stopped).toEqual(['last', 'first']);
});

test('stops once, however often it is told to', async () => {
  let count = 0;
  const lifecycle = new Lifecycle();
  lifecycle.defer(() => void count++);
  await Promise.all([lifecycle.stop(), lifecycle.stop()]);
  await lifecycle.stop();
  expect(count).toBe(1);
});
