// A role of the platform with protections switched off. No flag of the product reaches them: this program is how tests
// do. Called as `weak-role.ts <protections, comma-separated> <role> <the role's own arguments>`.
import { parseArgs } from 'node:util';
import type { Protection } from '../../src/api/protections.ts';
import { type CommonOptions, layoutOf, roleLogger } from '../../src/cli/options.ts';
import { runUntilSignal } from '../../src/cli/signals.ts';
import { systemClock } from '../../src/core/clock.ts';
import { startAgentRole } from '../../src/server/agent-role.ts';
import { startControlRole } from '../../src/server/control-role.ts';
import { startGatewayRole } from '../../src/server/gateway-role.ts';

const [off = '', role = '', ...args] = process.argv.slice(2);
const { values } = parseArgs({
  args,
  options: {
    manifest: { type: 'string', default: '' },
    state: { type: 'string', default: '' },
    'log-level': { type: 'string', default: 'warn' },
    name: { type: 'string', default: '1' },
    'listen-fd': { type: 'string' },
    'redirect-fd': { type: 'string' },
  },
});
const common: CommonOptions = {
  manifest: values.manifest,
  state: values.state,
  logLevel: values['log-level'] as CommonOptions['logLevel'],
};
const numbersOf = (text: string | undefined): number[] | undefined => text?.split(',').map(Number);
const shared = {
  layout: layoutOf(common),
  name: values.name,
  clock: systemClock,
  log: roleLogger(role, common),
  weaknesses: new Set(off.split(',').filter(Boolean) as Protection[]),
};

await runUntilSignal(() => {
  if (role === 'control') return startControlRole({ ...shared, manifestPath: values.manifest });
  if (role === 'gateway')
    return startGatewayRole({
      ...shared,
      listenFds: numbersOf(values['listen-fd']),
      redirectFds: numbersOf(values['redirect-fd']),
    });
  return startAgentRole(shared);
});
