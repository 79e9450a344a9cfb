import { expect, test } from 'vitest';
import { roleEnvironment } from './role-environment.ts';

test('a role gets of the environment what it needs, and nothing else', () => {
  const environment = roleEnvironment('gateway', {
    PATH: '/bin',
    DATABASE_PASSWORD: 'secret',
    LD_PRELOAD: '/tmp/x.so',
  });
  expect(environment).toEqual({ PATH: '/bin', MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '32768' });
});

test('blocks that TLS keeps for a connection are mapped; control has none of them', () => {
  expect(roleEnvironment('agent', {}).MALLOC_MMAP_THRESHOLD_).toBe('32768');
  expect(roleEnvironment('control', {}).MALLOC_MMAP_THRESHOLD_).toBe('131072');
});

test('what the caller says of memory goes before', () => {
  expect(roleEnvironment('gateway', { MALLOC_MMAP_THRESHOLD_: '65537' })).toEqual({
    MALLOC_ARENA_MAX: '2',
    MALLOC_MMAP_THRESHOLD_: '65537',
  });
});
