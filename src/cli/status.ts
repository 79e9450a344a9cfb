import type { Command } from 'commander';
import type { Expiry, ServiceStatus } from '../api/admin.ts';
import type { RoleState } from '../api/channel.ts';
import { systemClock } from '../core/clock.ts';
import { createAdminClient } from './admin-client.ts';
import { type CommonOptions, layoutOf, withState } from './options.ts';
import { formatTable } from './table.ts';
import { paint } from './terminal.ts';

interface Status {
  readonly snapshot: string;
  readonly roles: readonly RoleState[];
  readonly services: readonly ServiceStatus[];
  readonly expiries: readonly Expiry[];
  readonly warnings: readonly string[];
}

export function describe(command: Command): void {
  withState(command).option('--json', 'as JSON').addHelpText('after', '\nExample:\n  merlon status').action(run);
}

async function run(options: CommonOptions & { json?: boolean }): Promise<void> {
  const status = await createAdminClient(layoutOf(options)).call<Status>('GET', '/admin/status');
  if (options.json === true) return void process.stdout.write(`${JSON.stringify(status, null, 2)}\n`);
  const { roles, services, expiries, warnings } = status;
  process.stdout.write(
    [
      formatTable(
        ['role', 'instance', 'snapshot'],
        roles.map(({ role, name, version }) => [role, name, version ?? 'none yet']),
      ),
      formatTable(
        ['service', 'state', 'pid'],
        services.map(({ service, state, pid }) => [service, state, String(pid ?? '')]),
      ),
      formatTable(
        ['expires', 'what'],
        expiries.map(({ kind, name, expiresAtMs }) => [inDays(expiresAtMs), `${kind}: ${name}`]),
      ),
      ...warnings.map((warning) => `${paint('yellow', 'note')} ${warning}\n`),
    ].join('\n'),
  );
}

function inDays(atMs: number): string {
  return `in ${Math.floor((atMs - systemClock.now()) / 86_400_000)} days`;
}
