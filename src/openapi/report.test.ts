import { describe, expect, it } from 'vitest';
import { createEndpointReport, type EndpointVisit } from './report.ts';

const visit = (path: string, more: Partial<EndpointVisit> = {}): EndpointVisit => ({
  service: 'orders',
  method: 'GET',
  path,
  answered: false,
  client: 'shop-web',
  roles: ['customer'],
  ...more,
});

describe('the endpoint report', () => {
  it('counts undeclared endpoints as one whatever their ids, and says who called and whether anything answered', () => {
    const report = createEndpointReport();
    report.shadow(visit('/debug/users/17'), 1);
    report.shadow(visit('/debug/users/99', { answered: true, client: 'anonymous', roles: [] }), 5);
    report.shadow(visit('/debug/users/3f2504e0-4f89-11d3-9a0c-0305e82c3301'), 7);
    report.zombie(visit('/old', { answered: true, sunset: '2027-01-01' }), 2);
    expect(report.findings().endpoints).toEqual([
      {
        kind: 'shadow',
        service: 'orders',
        method: 'GET',
        path: '/debug/users/{}',
        count: 3,
        answered: 1,
        firstMs: 1,
        lastMs: 7,
        callers: [
          { client: 'shop-web', roles: ['customer'], count: 2 },
          { client: 'anonymous', roles: [], count: 1 },
        ],
      },
      {
        kind: 'zombie',
        service: 'orders',
        method: 'GET',
        path: '/old',
        count: 1,
        answered: 1,
        firstMs: 2,
        lastMs: 2,
        sunset: '2027-01-01',
        callers: [{ client: 'shop-web', roles: ['customer'], count: 1 }],
      },
    ]);
    report.clear();
    expect(report.findings()).toEqual({ endpoints: [], overflow: 0 });
    expect(report.isEmpty).toBe(true);
  });

  it('adds up what several workers have counted', () => {
    const [a, b, all] = [createEndpointReport(), createEndpointReport(), createEndpointReport()];
    a.shadow(visit('/hidden', { answered: true }), 10);
    b.shadow(visit('/hidden', { client: 'other' }), 5);
    for (const each of [a, b]) all.merge(each.findings());
    expect(all.findings().endpoints).toMatchObject([
      { count: 2, answered: 1, firstMs: 5, lastMs: 10, callers: [{ client: 'shop-web' }, { client: 'other' }] },
    ]);
  });

  it('forgets what nobody has used for long', () => {
    const report = createEndpointReport();
    report.shadow(visit('/a'), 1);
    report.shadow(visit('/b'), 9);
    report.clear(5);
    expect(report.findings().endpoints.map(({ path }) => path)).toEqual(['/b']);
  });

  it('stays small whatever is probed, and keeps room for what is there', () => {
    const report = createEndpointReport(10);
    const word = (index: number): string => String.fromCharCode(97 + (index % 26)).repeat(1 + (index % 30));
    for (let index = 0; index < 5000; index++)
      report.shadow(visit(`/${word(index)}`, { client: `c${index}`, roles: [`r${index}`] }), index);
    report.shadow(visit(`/${'y'.repeat(100_000)}`, { method: 'X'.repeat(100_000) }), 1);
    report.shadow(visit('/real', { answered: true }), 1);
    report.zombie(visit('/old', { answered: true }), 9);
    const { endpoints, overflow } = report.findings();
    expect(endpoints.map(({ path }) => path)).toEqual(expect.arrayContaining(['/real', '/old']));
    expect(endpoints).toHaveLength(7);
    expect(endpoints.reduce((sum, { count }) => sum + count, 0) + overflow).toBe(5003);
    expect(JSON.stringify(endpoints).length).toBeLessThan(20_000);
  });
});
