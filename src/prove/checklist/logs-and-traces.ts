import { assessed, type ChecklistItem, type Facts } from './item.ts';

/** 9. What happened can be seen in one place, without anybody's data. */
export const logsAndTraces: ChecklistItem = {
  id: 'logs',
  title: 'Central logs and traces, without sensitive data',
  assess: ({ manifest: { services }, running }: Facts) => {
    const sensitive = Object.entries(services).filter(([, { data }]) =>
      data.some((each) => each !== 'public' && each !== 'internal'),
    );
    return assessed(
      [
        'every decision of gateway, mesh, secrets store and admin API stands in one hash-chained ledger (`merlon audit query`, `merlon explain`)',
        'the logs of all roles and services come out as one stream, as JSON with `merlon up --json`',
        'W3C trace context is continued or begun at the edge, and recorded with each decision',
        `tokens, keys and sensitive fields are masked before anything is written; ${sensitive.length} services handle sensitive data`,
        ...(running === undefined ? [] : [`running: ${running.services.length} services report to it`]),
      ],
      [
        {
          what: 'traces and metrics are not exported to a collector in this version',
          fix: 'collect the JSON stream of `merlon up --json`, and let services send their own spans by the `traceparent` that they receive',
          owner: 'platform',
          effort: 'hours',
        },
      ],
    );
  },
};
