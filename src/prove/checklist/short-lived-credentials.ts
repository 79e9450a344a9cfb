import { assessed, type ChecklistItem, count, type Facts, type Gap, some } from './item.ts';

/** 4. Credentials live shortly and are replaced by themselves. */
export const shortLivedCredentials: ChecklistItem = {
  id: 'rotation',
  title: 'Short-lived, rotating credentials',
  assess: (facts) => {
    const { services, issuers } = facts.manifest;
    const evidence = [
      `${count(Object.keys(services).length, 'service')} with X.509-SVIDs of an hour, renewed by themselves; a valid one is kept when renewal fails`,
      ...(issuers.includes('embedded')
        ? ['access tokens of the embedded issuer live for minutes; refresh tokens rotate with each use']
        : []),
      ...((facts.running?.expiries ?? []).length > 0
        ? [
            `running: ${count(facts.running?.expiries.length ?? 0, 'end')} of keys and certificates watched (\`merlon status\`)`,
          ]
        : []),
    ];
    return assessed(evidence, [...staticSecrets(facts), ...clientSecrets(facts), ...ownCertificate(facts)]);
  },
};

function staticSecrets({ manifest: { services } }: Facts): Gap[] {
  const holders = Object.entries(services).filter(([, { secrets }]) => Object.keys(secrets).length > 0);
  if (holders.length === 0) return [];
  return [
    {
      what: `the secrets of ${some(holders.map(([name]) => name))} stay the same until somebody changes them; this version makes no dynamic ones`,
      fix: 'change them on a schedule with `merlon secrets put`',
      owner: 'platform',
      effort: 'hours',
    },
  ];
}

function clientSecrets({ manifest: { clients } }: Facts): Gap[] {
  const confidential = Object.entries(clients).filter(([, { type }]) => type === 'confidential');
  if (confidential.length === 0) return [];
  return [
    {
      what: `the client secrets of ${some(confidential.map(([name]) => name))} do not end by themselves`,
      fix: 'replace them on a schedule, or let the client act as a workload with its SVID',
      owner: 'platform',
      effort: 'hours',
    },
  ];
}

function ownCertificate({ manifest: { gateway } }: Facts): Gap[] {
  if (typeof gateway.certificate === 'string') return [];
  return [
    {
      what: `the certificate of ${gateway.publicUrl} comes from files, which Merlon does not renew`,
      fix: 'let whatever issues it write the files anew before they end',
      owner: 'platform',
      effort: 'hours',
    },
  ];
}
