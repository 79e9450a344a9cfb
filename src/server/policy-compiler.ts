import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { PolicyModel } from '../api/policy.ts';
import type { Protection } from '../api/protections.ts';
import type { CompiledGateway } from '../policy/index.ts';

/** What the process is given, as JSON on its standard input. */
export interface PolicyCompilation {
  readonly model: PolicyModel;
  readonly files: readonly { readonly name: string; readonly text: string }[];
  readonly weaknesses: readonly Protection[];
}

const program = fileURLToPath(new URL('./policy-compiler-process.ts', import.meta.url));

/**
 * Compiles policies in a process that ends afterwards: the official Cedar parser is WebAssembly, which takes more memory than
 * all the rest of control and never gives it back.
 */
export async function compilePoliciesApart(compilation: PolicyCompilation): Promise<CompiledGateway> {
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(JSON.stringify(compilation));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const [answer, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new Error(`the policy compiler ended with code ${code}: ${complaint.slice(0, 1000)}`);
  return JSON.parse(answer) as CompiledGateway;
}
