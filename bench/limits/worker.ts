// One gateway worker's limiter in a process of its own, over the real channel to the real broker. Told over IPC what to do.
import type { ToWorker } from '../../src/api/limits.ts';
import { noWeaknesses } from '../../src/api/protections.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { createChannelClient } from '../../src/distribution/index.ts';
import { createGatewayLimits } from '../../src/server/gateway-limits.ts';
import { alice, wall } from './rules.ts';

const [path = '', joinFolder = '', name = '', workers = '', kind = '', count = '', requests = ''] =
  process.argv.slice(2);
const section = wall(kind as 'rate' | 'quota', Number(count));

const limits = createGatewayLimits(Number(name) - 1, systemClock, noWeaknesses, (body) =>
  channel.send({ type: 'lease', body }),
);
const compiled = limits.compile(section, Number(workers));
const channel = createChannelClient({
  path,
  joinFolder,
  role: 'gateway',
  name,
  clock: systemClock,
  log: silentLogger,
  onOpen: () => process.send?.('ready'),
  onMessage: (message) => {
    if (message.type === 'lease') limits.receive(message.body as ToWorker);
  },
});

process.once('message', () => void run());

/** As a server would: some requests in one turn of the event loop, then whatever has arrived meanwhile. */
async function run(): Promise<void> {
  let admitted = 0;
  const perTurn = 100;
  for (let done = 0; done < Number(requests); done += perTurn) {
    const waiting: Promise<void>[] = [];
    for (let at = 0; at < perTurn; at++) {
      const check = compiled.checkPrincipal(alice, 'routes[0]', 1, systemClock.monotonic());
      if (!(check instanceof Promise)) admitted += check.denial === undefined ? 1 : 0;
      else waiting.push(check.then(({ denial }) => void (admitted += denial === undefined ? 1 : 0)));
    }
    await Promise.all(waiting);
    await new Promise((resume) => setImmediate(resume));
  }
  process.send?.({ admitted });
  // What it holds unspent goes back, for the others to spend.
  await limits.stop();
  setTimeout(() => process.exit(0), 200);
}
