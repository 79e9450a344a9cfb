import { styleText } from 'node:util';
import { exitCodes, MerlonError } from '../core/errors.ts';

/** Whether to draw in colour: a terminal that wants it (https://no-color.org, FORCE_COLOR). */
export function wantsColour(stream: NodeJS.WriteStream = process.stdout): boolean {
  if (process.env.NO_COLOR) return false;
  if (process.env.FORCE_COLOR) return process.env.FORCE_COLOR !== '0';
  return stream.isTTY === true;
}

/** `text` in `style`, where colour is wanted. */
export function paint(style: Parameters<typeof styleText>[0], text: string, colour = wantsColour()): string {
  return colour ? styleText(style, text, { validateStream: false }) : text;
}

/** Columns of the terminal, 100 where it is none. */
export function terminalWidth(): number {
  return process.stdout.columns ?? 100;
}

// By the first part of a code, or by the whole; the whole wins.
const exitCodesByError: ReadonlyMap<string, number> = new Map([
  ['manifest', exitCodes.badInput],
  ['policy', exitCodes.badInput],
  ['openapi', exitCodes.badInput],
  ['waf', exitCodes.badInput],
  ['input', exitCodes.badInput],
  ['secrets.missing', exitCodes.badInput],
  ['state.permissions', exitCodes.permission],
  ['state.unwritable', exitCodes.system],
  ['state.path-too-long', exitCodes.system],
  ['state.in-use', exitCodes.system],
  ['gateway.port-in-use', exitCodes.system],
  ['gateway.port-forbidden', exitCodes.system],
  ['gateway.bad-address', exitCodes.system],
  ['control.port-in-use', exitCodes.system],
  ['control.no-free-port', exitCodes.system],
  ['control.unavailable', exitCodes.unavailable],
  ['workload.unhealthy', exitCodes.unavailable],
  ['admin.not-found', exitCodes.notFound],
  ['gateway.unavailable', exitCodes.unavailable],
  ['role.bad-input', exitCodes.badInput],
  ['role.system', exitCodes.system],
  ['role.permission', exitCodes.permission],
  ['role.usage', exitCodes.usage],
  ['storage', exitCodes.system],
]);

/** The exit code that stands for an error. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof MerlonError)) return exitCodes.internal;
  const group = error.code.slice(0, error.code.indexOf('.'));
  return exitCodesByError.get(error.code) ?? exitCodesByError.get(group) ?? exitCodes.failed;
}

/** Tells a person what went wrong and what to do, on standard error. Of a manifest, everything. */
export async function printError(error: unknown): Promise<void> {
  const colour = wantsColour(process.stderr);
  if (error instanceof MerlonError && 'problems' in error) {
    const { formatProblems, ManifestError } = await import('../manifest/index.ts');
    if (error instanceof ManifestError)
      return void process.stderr.write(formatProblems(error.problems, { color: colour }));
  }
  if (error instanceof MerlonError) {
    process.stderr.write(
      `${paint('red', 'error', colour)} ${error.message} ${paint('gray', `(${error.code})`, colour)}\n`,
    );
    if (error.hint !== undefined) process.stderr.write(`  ${error.hint}\n`);
    return;
  }
  process.stderr.write(
    `${paint('red', 'internal error', colour)} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
}
