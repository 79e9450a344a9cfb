import { describe, expect, test } from 'vitest';
import { protections } from '../../api/protections.ts';
import { attacks, domainOf, domains } from './index.ts';

describe('the table of attacks', () => {
  test('has many, each with an id of its own', () => {
    expect(attacks.length).toBeGreaterThanOrEqual(170);
    expect(new Set(attacks.map(({ id }) => id)).size).toBe(attacks.length);
  });

  test.each(attacks.map((attack) => [attack.id, attack] as const))('%s says what it is', (id, attack) => {
    expect(id).toMatch(/^[a-z0-9]+\.[a-z0-9.-]+$/);
    expect(domains[domainOf(attack)]).toBeDefined();
    expect(attack.title).toMatch(
      /^[^A-Z.][^\n]*[^.]$|^(?:TLS|PKCE|HS256|JSON|CONNECT|HTTP|Content|Transfer|HEADERS|CONTINUATION)/,
    );
    expect(attack.standards.length).toBeGreaterThan(0);
    for (const name of attack.standards) expect(name).toMatch(/^(?:CWE-\d+|OWASP API\d+:2023|RFC \d+|CVE-\d{4}-\d+)$/);
  });

  test('has an attack for every protection', () => {
    const met = new Set(attacks.map(({ protection }) => protection));
    expect(protections.filter((protection) => !met.has(protection))).toEqual([]);
  });
});
