import assert from 'node:assert/strict';
import { hasCode } from '../core/errors.ts';
import type { Entry, Store } from './store.ts';

/** What an implementation's test supplies: an empty store on a clock that the test moves. */
export interface StoreBench {
  readonly store: Store;
  /** The store's own clock, in epoch milliseconds. */
  now(): number;
  advance(ms: number): void;
}

/** One thing that every store does. */
export interface StoreCase {
  readonly name: string;
  run(bench: StoreBench): Promise<void>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (entry: Entry | undefined): string | undefined => entry && new TextDecoder().decode(entry.value);
const keys = (entries: readonly Entry[]): string[] => entries.map(({ key }) => key);
const refused = (code: string) => (error: unknown) => hasCode(error, code);

const reading: readonly StoreCase[] = [
  {
    name: 'gives back what was put, with version 1',
    run: async ({ store }) => {
      await store.write([{ put: 'a/b', value: bytes('one') }]);
      const entry = await store.get('a/b');
      assert.equal(text(entry), 'one');
      assert.deepEqual([entry?.key, entry?.version, entry?.expiresAtMs], ['a/b', 1, undefined]);
      assert.equal(await store.get('a/c'), undefined);
    },
  },
  {
    name: 'keeps every byte, and no hold on the caller’s buffer',
    run: async ({ store }) => {
      const value = Uint8Array.from({ length: 256 }, (_, at) => at);
      const written = store.write([{ put: 'k', value }]);
      value.fill(7);
      await written;
      assert.deepEqual(
        new Uint8Array((await store.get('k'))?.value ?? []),
        Uint8Array.from({ length: 256 }, (_, at) => at),
      );
      (await store.get('k'))?.value.fill(9);
      assert.equal((await store.get('k'))?.value[255], 255);
    },
  },
  {
    name: 'keeps an empty value',
    run: async ({ store }) => {
      await store.write([{ put: 'k', value: new Uint8Array() }]);
      assert.equal((await store.get('k'))?.value.byteLength, 0);
    },
  },
  {
    name: 'lists by prefix in byte order of the keys',
    run: async ({ store }) => {
      const given = ['a/é', 'a/z', 'a/\u{1f600}', 'a/\uffee', 'a/A', 'a', 'a0', 'b/a', 'a/'];
      await store.write(given.map((put) => ({ put, value: bytes(put) })));
      assert.deepEqual(keys(await store.list('a/')), ['a/', 'a/A', 'a/z', 'a/é', 'a/\uffee', 'a/\u{1f600}']);
      assert.equal((await store.list('')).length, given.length);
      assert.deepEqual(await store.list('nothing'), []);
    },
  },
  {
    name: 'takes wildcards in a prefix for themselves',
    run: async ({ store }) => {
      await store.write(['a%', 'ab', 'a_c', 'a*'].map((put) => ({ put, value: bytes('') })));
      assert.deepEqual(keys(await store.list('a%')), ['a%']);
      assert.deepEqual(keys(await store.list('a_')), ['a_c']);
    },
  },
  {
    name: 'pages through a listing',
    run: async ({ store }) => {
      const all = Array.from({ length: 25 }, (_, at) => `p/${String(at).padStart(2, '0')}`);
      await store.write(all.map((put) => ({ put, value: bytes('') })));
      const seen: string[] = [];
      for (let page = await store.list('p/', { limit: 10 }); page.length > 0; ) {
        seen.push(...keys(page));
        page = await store.list('p/', { limit: 10, after: seen.at(-1) as string });
      }
      assert.deepEqual(seen, all);
      assert.deepEqual(keys(await store.list('p/', { after: 'a' })), all);
      assert.deepEqual(await store.list('p/', { after: 'z' }), []);
    },
  },
];

const writing: readonly StoreCase[] = [
  {
    name: 'counts the version up by one with each write',
    run: async ({ store }) => {
      for (const expected of [1, 2, 3]) {
        await store.write([{ put: 'k', value: bytes(String(expected)) }]);
        assert.equal((await store.get('k'))?.version, expected);
      }
    },
  },
  {
    name: 'deletes, forgets the version, and lets a missing key be deleted',
    run: async ({ store }) => {
      await store.write([{ put: 'k', value: bytes('x') }]);
      await store.write([{ put: 'k', value: bytes('y') }]);
      await store.write([{ delete: 'k' }, { delete: 'never-there' }]);
      assert.equal(await store.get('k'), undefined);
      await store.write([{ put: 'k', value: bytes('z'), if: 'absent' }]);
      assert.equal((await store.get('k'))?.version, 1);
    },
  },
  {
    name: 'refuses `absent` where there is one',
    run: async ({ store }) => {
      await store.write([{ put: 'k', value: bytes('first'), if: 'absent' }]);
      await assert.rejects(
        store.write([{ put: 'k', value: bytes('second'), if: 'absent' }]),
        refused('storage.conflict'),
      );
      assert.equal(text(await store.get('k')), 'first');
    },
  },
  {
    name: 'refuses a version that is not the current one',
    run: async ({ store }) => {
      await store.write([{ put: 'k', value: bytes('1') }]);
      await store.write([{ put: 'k', value: bytes('2'), if: 1 }]);
      await assert.rejects(store.write([{ put: 'k', value: bytes('3'), if: 1 }]), refused('storage.conflict'));
      await assert.rejects(store.write([{ delete: 'k', if: 1 }]), refused('storage.conflict'));
      await assert.rejects(store.write([{ put: 'other', value: bytes('1'), if: 1 }]), refused('storage.conflict'));
      await assert.rejects(store.write([{ delete: 'other', if: 1 }]), refused('storage.conflict'));
      await store.write([{ delete: 'k', if: 2 }]);
      assert.equal(await store.get('k'), undefined);
    },
  },
  {
    name: 'writes all of a batch or none',
    run: async ({ store }) => {
      await store.write([{ put: 'b', value: bytes('kept') }]);
      const batch = store.write([
        { put: 'a', value: bytes('lost') },
        { delete: 'b' },
        { put: 'c', value: bytes('lost'), if: 5 },
      ]);
      await assert.rejects(batch, refused('storage.conflict'));
      assert.equal(await store.get('a'), undefined);
      assert.equal(text(await store.get('b')), 'kept');
    },
  },
  {
    name: 'lets exactly one of many concurrent writers win',
    run: async ({ store }) => {
      const tries = Array.from({ length: 50 }, (_, at) =>
        store.write([
          { put: 'lock', value: bytes(String(at)), if: 'absent' },
          { put: `seen/${at}`, value: bytes('') },
        ]),
      );
      const outcomes = await Promise.allSettled(tries);
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
      assert.equal(text(await store.get('lock')), String(winner));
      assert.deepEqual(keys(await store.list('seen/')), [`seen/${winner}`]);
    },
  },
  {
    name: 'loses no increment under optimistic concurrency',
    run: async ({ store }) => {
      await store.write([{ put: 'n', value: bytes('0') }]);
      const increment = async (): Promise<void> => {
        const entry = await store.get('n');
        assert.ok(entry);
        const next = { put: 'n', value: bytes(String(Number(text(entry)) + 1)), if: entry.version };
        await store.write([next]).catch((error: unknown) => {
          if (hasCode(error, 'storage.conflict')) return increment();
          throw error;
        });
      };
      await Promise.all(Array.from({ length: 20 }, increment));
      assert.equal(text(await store.get('n')), '20');
    },
  },
  {
    name: 'takes an empty batch',
    run: async ({ store }) => {
      await store.write([]);
      assert.deepEqual(await store.list(''), []);
    },
  },
];

const expiring: readonly StoreCase[] = [
  {
    name: 'never gives back an expired entry',
    run: async ({ store, now, advance }) => {
      await store.write([
        { put: 'e/short', value: bytes(''), expiresAtMs: now() + 1000 },
        { put: 'e/long', value: bytes(''), expiresAtMs: now() + 5000 },
      ]);
      assert.equal((await store.get('e/short'))?.expiresAtMs, now() + 1000);
      advance(999);
      assert.equal((await store.list('e/')).length, 2);
      advance(1);
      assert.equal(await store.get('e/short'), undefined);
      assert.deepEqual(keys(await store.list('e/', { limit: 1 })), ['e/long']);
    },
  },
  {
    name: 'takes an expired entry for absent, and begins anew at version 1',
    run: async ({ store, now, advance }) => {
      await store.write([{ put: 'k', value: bytes('1') }]);
      await store.write([{ put: 'k', value: bytes('2'), expiresAtMs: now() + 10 }]);
      advance(10);
      await assert.rejects(store.write([{ put: 'k', value: bytes('3'), if: 2 }]), refused('storage.conflict'));
      await store.write([{ put: 'k', value: bytes('3'), if: 'absent' }]);
      assert.deepEqual([(await store.get('k'))?.version, (await store.get('k'))?.expiresAtMs], [1, undefined]);
    },
  },
  {
    name: 'forgets an expiry that a later write does not repeat',
    run: async ({ store, now, advance }) => {
      await store.write([{ put: 'k', value: bytes('1'), expiresAtMs: now() + 10 }]);
      await store.write([{ put: 'k', value: bytes('2') }]);
      advance(1_000_000);
      assert.equal(text(await store.get('k')), '2');
    },
  },
];

const refusing: readonly StoreCase[] = [
  {
    name: 'refuses keys, values and batches out of bounds',
    run: async ({ store }) => {
      const bad = ['', 'a\u0000b', 'a\nb', 'x'.repeat(1025), '\ud800', 'a\u{10ffff}'];
      for (const put of bad) {
        await assert.rejects(store.write([{ put, value: bytes('') }]), refused('storage.invalid'), JSON.stringify(put));
        await assert.rejects(store.get(put), refused('storage.invalid'), JSON.stringify(put));
      }
      const huge = new Uint8Array(16 * 1024 * 1024 + 1);
      await assert.rejects(store.write([{ put: 'k', value: huge }]), refused('storage.invalid'));
      await assert.rejects(store.write([{ delete: 'k' }, { delete: 'k' }]), refused('storage.invalid'));
      await assert.rejects(store.list('', { limit: 0 }), refused('storage.invalid'));
      await assert.rejects(store.write([{ put: 'k', value: bytes(''), if: 0 }]), refused('storage.invalid'));
      assert.deepEqual(await store.list(''), []);
    },
  },
  {
    name: 'finishes what was begun, then refuses everything, once stopped',
    run: async ({ store }) => {
      const begun = store.write([{ put: 'k', value: bytes('') }]);
      await store.stop();
      await begun;
      await store.stop();
      await assert.rejects(store.get('k'), refused('storage.unavailable'));
      await assert.rejects(store.list(''), refused('storage.unavailable'));
      await assert.rejects(store.write([{ delete: 'k' }]), refused('storage.unavailable'));
    },
  },
];

/** The one behaviour suite: each implementation's test runs each case on an empty store of its own. */
export const storeSuite: readonly StoreCase[] = [...reading, ...writing, ...expiring, ...refusing];
