import { expect, test } from 'vitest';
import { createDecoys } from './decoys.ts';

const cheap = '$argon2id$v=19$m=64,t=1,p=1$AAAA$BBBB';
const dear = '$argon2id$v=19$m=65536,t=3,p=1$CCCC$DDDD';

test('a name costs what some kind of hash in use costs, and always the same', async () => {
  const decoys = createDecoys(async () => [cheap, cheap, cheap, dear]);
  const picked = new Map<string, string | undefined>();
  for (let at = 0; at < 200; at++) picked.set(`user${at}`, await decoys.pick(`user${at}`));
  for (const [name, hash] of picked) expect(await decoys.pick(name)).toBe(hash);
  const dears = [...picked.values()].filter((hash) => hash === dear).length;
  expect(dears).toBeGreaterThan(50);
  expect(dears).toBeLessThan(150);
});

test('it follows the users', async () => {
  let hashes: string[] = [];
  const decoys = createDecoys(async () => hashes);
  expect(await decoys.pick('alice')).toBeUndefined();
  hashes = [dear];
  expect(await decoys.pick('alice')).toBeUndefined();
  decoys.forget();
  expect(await decoys.pick('alice')).toBe(dear);
});
