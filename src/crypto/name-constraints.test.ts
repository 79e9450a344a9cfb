import { describe, expect, it } from 'vitest';
import type { Certificate } from './certificate.ts';
import type { GeneralNames } from './general-names.ts';
import { encodeName } from './issue.ts';
import { satisfies } from './name-constraints.ts';

const none: GeneralNames = { dnsNames: [], emails: [], uris: [], addresses: [], directories: [], others: 0 };
const names = (some: Partial<GeneralNames>): GeneralNames => ({ ...none, ...some });

function isAllowed(
  named: Partial<GeneralNames>,
  limits: { permitted?: Partial<GeneralNames>; excluded?: Partial<GeneralNames>; critical?: boolean },
): boolean {
  const extensions = { subjectAltName: { critical: true, names: names(named) }, unknownCritical: [] };
  const certificate = { subject: encodeName({}), extensions } as unknown as Certificate;
  const { permitted = {}, excluded = {}, critical = true } = limits;
  return satisfies(certificate, { critical, permitted: names(permitted), excluded: names(excluded) });
}

describe('name constraints', () => {
  it.each<[string, string, boolean]>([
    ['spiffe://shop.example/a', 'shop.example', true],
    ['spiffe://shop.example', 'shop.example', true],
    ['spiffe://other.example/a', 'shop.example', false],
    ['spiffe://sub.shop.example/a', 'shop.example', false],
    ['spiffe://sub.shop.example/a', '.shop.example', true],
    ['spiffe://shop.example/a', '.shop.example', false],
    ['spiffe://evilshop.example/a', '.shop.example', false],
    ['spiffe://shop.example@other.example/a', 'shop.example', false],
    ['https://shop.example:8443/a', 'shop.example', true],
    ['urn:shop.example', 'shop.example', false],
    ['https://10.0.0.1/', '10.0.0.1', false],
  ])('the URI %s under %s: %s', (uri, constraint, within) => {
    expect(isAllowed({ uris: [uri] }, { permitted: { uris: [constraint] } })).toBe(within);
  });

  it('touches with exclusion whatever it cannot place', () => {
    expect(isAllowed({ uris: ['spiffe://shop.example/a'] }, { excluded: { uris: ['shop.example'] } })).toBe(false);
    expect(isAllowed({ uris: ['spiffe://shop.example/a'] }, { excluded: { uris: ['other.example'] } })).toBe(true);
    expect(isAllowed({ uris: ['urn:a'] }, { excluded: { uris: ['other.example'] } })).toBe(false);
    expect(isAllowed({ dnsNames: ['*.shop.example'] }, { excluded: { dnsNames: ['secret.shop.example'] } })).toBe(
      false,
    );
    expect(isAllowed({ dnsNames: ['not a name'] }, { excluded: { dnsNames: ['shop.example'] } })).toBe(false);
  });

  it.each<[string, string, boolean]>([
    ['ada@shop.example', 'shop.example', true],
    ['ada@sub.shop.example', 'shop.example', false],
    ['ada@sub.shop.example', '.shop.example', true],
    ['ada@shop.example', 'ada@shop.example', true],
    ['Ada@shop.example', 'ada@shop.example', false],
    ['ada@SHOP.example', 'ada@shop.example', true],
  ])('the mailbox %s under %s: %s', (email, constraint, within) => {
    expect(isAllowed({ emails: [email] }, { permitted: { emails: [constraint] } })).toBe(within);
  });

  it('keeps kinds apart, and refuses what is not critical or cannot be compared', () => {
    expect(isAllowed({ uris: ['spiffe://a/b'] }, { permitted: { dnsNames: ['shop.example'] } })).toBe(true);
    expect(
      isAllowed({ dnsNames: ['shop.example'] }, { permitted: { dnsNames: ['shop.example'] }, critical: false }),
    ).toBe(false);
    expect(isAllowed({}, { permitted: { others: 1 } })).toBe(false);
    expect(isAllowed({}, { excluded: { others: 1 } })).toBe(false);
    expect(isAllowed({}, { permitted: { addresses: [Buffer.from('0a000000ff00ff00', 'hex')] } })).toBe(false);
  });
});
