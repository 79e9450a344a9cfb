import type { Command } from 'commander';
import type { LedgerRecord } from '../api/record.ts';
import { explain, formatExplanation } from '../audit/control.ts';
import { MerlonError } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import { createAdminClient } from './admin-client.ts';
import { type CommonOptions, layoutOf, withState } from './options.ts';
import { terminalWidth, wantsColour } from './terminal.ts';

export function describe(command: Command): void {
  withState(command)
    .argument('<id>', 'a decision id: the `decision` of a problem document, or the `merlon-decision` response field')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  merlon explain 0199a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b')
    .action(run);
}

async function run(id: string, options: CommonOptions & { json?: boolean }): Promise<void> {
  if (!isUuid(id))
    throw new MerlonError({
      code: 'input.decision-id',
      message: `\`${id.slice(0, 64)}\` is not a decision id`,
      hint: 'it is a UUID, as in the `decision` member of the refusal',
    });
  const record = await createAdminClient(layoutOf(options)).call<LedgerRecord>('GET', `/admin/records/${id}`);
  const explanation = explain(record);
  if (options.json === true) process.stdout.write(`${JSON.stringify(explanation, null, 2)}\n`);
  else process.stdout.write(`${formatExplanation(explanation, { colour: wantsColour(), width: terminalWidth() })}\n`);
}
