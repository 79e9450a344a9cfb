import { spawn } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { PolicyModel } from '../api/policy.ts';
import type { Protection } from '../api/protections.ts';
import type { CompiledGateway } from '../policy/control.ts';

/** What the process is given, as JSON on its standard input. */
export interface PolicyCompilation {
  readonly model: PolicyModel;
  readonly files: readonly { readonly name: string; readonly text: string }[];
  readonly weaknesses: readonly Protection[];
}

// A parser of few policies runs for a moment: its code is optimised only where there is five times as much to do as V8 waits for.
const flags = ['--wasm-tiering-budget=60000000'];
const program = fileURLToPath(new URL('./policy-compiler-process.ts', import.meta.url));

/**
 * Compiles policies in a process that ends afterwards: the official Cedar parser is WebAssembly, which takes more memory than
 * all the rest of control and never gives it back.
 */
export async function compilePoliciesApart(compilation: PolicyCompilation): Promise<CompiledGateway> {
  const child = spawn(process.execPath, [...flags, program], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...sharedCodeCache() },
  });
  child.stdin.end(JSON.stringify(compilation));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const [answer, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new Error(`the policy compiler ended with code ${code}: ${complaint.slice(0, 1000)}`);
  return JSON.parse(answer) as CompiledGateway;
}

/** The code cache of this process, where it has one: the other runs the same program for the same user. */
function sharedCodeCache(): Readonly<Record<string, string>> {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}
