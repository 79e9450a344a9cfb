import { kubernetesFiles } from './ci-files.ts';
import { assessed, type ChecklistItem, count, type Facts, type Gap } from './item.ts';

/** 8. Only declared connections are possible. */
export const networkPolicies: ChecklistItem = {
  id: 'network',
  title: 'Network policies: deny by default',
  assess: (facts) => {
    const services = Object.entries(facts.manifest.services);
    const edges = services.reduce((sum, [, { calls }]) => sum + calls.length, 0);
    const egress = services.reduce((sum, [, each]) => sum + each.egress.length, 0);
    const possible = services.length * (services.length - 1);
    const evidence = [
      `${edges} of ${possible} possible calls between services are declared; the mesh refuses the rest`,
      `${count(egress, 'destination')} outside declared`,
      'test it: `merlon prove --only mesh`',
    ];
    return assessed(evidence, [...hostGap(facts), ...clusterGap(facts)]);
  },
};

function hostGap({ manifest: { services } }: Facts): Gap[] {
  const local = Object.values(services).filter(({ run }) => run !== undefined);
  if (local.length === 0) return [];
  return [
    {
      what: 'services listen on loopback: another process of the same machine can reach them past the mesh, and they can open connections outward; this version sets up no network namespaces',
      fix: 'let nothing else run on the machine, and hold services back by a firewall per user, or by containers',
      owner: 'platform',
      effort: 'days',
    },
  ];
}

function clusterGap(facts: Facts): Gap[] {
  const objects = kubernetesFiles(facts);
  if (objects.length === 0 || objects.some((file) => /^kind:\s*NetworkPolicy\s*$/m.test(file.text()))) return [];
  return [
    {
      what: `${count(objects.length, 'file')} with Kubernetes workloads, and no NetworkPolicy`,
      fix: 'add a NetworkPolicy that denies by default to each namespace, and one for each declared call',
      owner: 'platform',
      effort: 'hours',
      decisive: true,
    },
  ];
}
