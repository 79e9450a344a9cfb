import type { EndpointFindings } from '../api/edge.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { createEndpointReport } from '../openapi/control.ts';
import type { Store } from '../storage/index.ts';

/** Undeclared and deprecated endpoints that were used, counted over all workers, kept in the store. */
export interface EndpointBook extends Stoppable {
  receive(findings: EndpointFindings): void;
  findings(): EndpointFindings;
}

const key = 'edge/endpoints';
const saveAfterMs = 10_000;
/** What nobody has used for so long is forgotten. */
const keptMs = 90 * 86_400_000;
const maxEndpoints = 2000;

export async function openEndpointBook(clock: Clock, store: Store, log: Logger): Promise<EndpointBook> {
  const report = createEndpointReport(maxEndpoints);
  const kept = await store.get(key);
  if (kept !== undefined) report.merge(JSON.parse(Buffer.from(kept.value).toString()) as EndpointFindings);
  let timer: Timer | undefined;
  const save = async (): Promise<void> => {
    timer?.cancel();
    timer = undefined;
    report.clear(clock.now() - keptMs);
    await store.write([{ put: key, value: Buffer.from(JSON.stringify(report.findings())) }]);
  };
  return {
    receive: (findings) => {
      report.merge(findings);
      timer ??= clock.after(
        saveAfterMs,
        () =>
          void save().catch((error: unknown) =>
            log.error({ error: messageOf(error) }, 'the endpoint report was not kept'),
          ),
      );
    },
    findings: () => report.findings(),
    stop: async () => {
      if (timer !== undefined) await save();
    },
  };
}
