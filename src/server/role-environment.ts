import type { ChildRole } from './role-command.ts';

/** What a role is let have of the caller's environment: it needs nothing else. */
const kept = ['PATH', 'HOME', 'TZ', 'LANG', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'TMPDIR'];

type Variables = Readonly<Record<string, string>>;

// glibc gives a big block back to the system only when told from the start which blocks are big. Control's are those of a password
// hash (19 MiB).
const forControl: Variables = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072' };

// Node reads each TLS connection into a block of 64 KiB of which an idle one has used a page or two. From the heap it gets pages that
// others have used and that stay resident; a mapping of its own has only the pages that were touched: 5 kB less for each connection.
// Not below 32 KiB: OpenSSL takes and frees a block of 17 kB for every record.
const forTls: Variables = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '32768' };

/** How glibc is told to keep memory in `role`. Other C libraries do not read it. */
export function memoryTuning(role: ChildRole): Variables {
  return role === 'control' ? forControl : forTls;
}

/** The environment of a role. How the caller tunes glibc goes before how we do. */
export function roleEnvironment(role: ChildRole, caller: NodeJS.ProcessEnv): Record<string, string> {
  const tuning = memoryTuning(role);
  const chosen = [...kept, ...Object.keys(tuning)].flatMap((name) => {
    const value = caller[name] ?? tuning[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(chosen);
}
