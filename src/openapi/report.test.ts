import { describe, expect, it } from 'vitest';
import { documentOf } from './document.suite.ts';
import { createEndpointReport } from './report.ts';

describe('the endpoint report', () => {
  const [old, current] = documentOf(
    "paths: { '/old': { get: { deprecated: true, x-sunset: '2027-01-01', responses: {} } }, '/new': { get: { responses: {} } } }\n",
  ).operations as [never, never];

  it('counts undeclared endpoints as one whatever their ids, and deprecated ones that are used', () => {
    const report = createEndpointReport();
    report.shadow('GET', '/debug/users/17', 1);
    report.shadow('GET', '/debug/users/99', 5);
    report.shadow('GET', '/debug/users/3f2504e0-4f89-11d3-9a0c-0305e82c3301', 7);
    report.use(old, 2);
    report.use(current, 2);
    expect(report.findings()).toEqual({
      endpoints: [
        { kind: 'shadow', method: 'GET', path: '/debug/users/{}', count: 3, firstMs: 1, lastMs: 7 },
        { kind: 'zombie', method: 'GET', path: '/old', count: 1, firstMs: 2, lastMs: 2, sunset: '2027-01-01' },
      ],
      overflow: 0,
    });
    report.clear();
    expect(report.findings()).toEqual({ endpoints: [], overflow: 0 });
  });

  it('stays small whatever is probed', () => {
    const report = createEndpointReport(10);
    for (let index = 0; index < 5000; index++)
      report.shadow('GET', `/${String.fromCharCode(97 + (index % 26)).repeat(1 + (index % 30))}`, index);
    report.shadow('X'.repeat(100_000), `/${'y'.repeat(100_000)}`, 1);
    report.use(old, 9);
    const { endpoints, overflow } = report.findings();
    expect(endpoints).toHaveLength(11);
    expect(endpoints.reduce((sum, { count }) => sum + count, 0) + overflow).toBe(5002);
    expect(JSON.stringify(endpoints).length).toBeLessThan(10_000);
  });
});
