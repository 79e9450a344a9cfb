import type { DiscoveryFinding, DnsName, Facts, Workload } from './facts.ts';

/** A service of the manifest to be: workloads that answer to the same names. */
export interface Group {
  /** Its name in the manifest, a DNS label. */
  readonly label: string;
  readonly workloads: Workload[];
  readonly names: DnsName[];
}

/** Which service a workload or a name belongs to. */
export interface Grouping {
  readonly groups: readonly Group[];
  ofWorkload(workload: Workload): Group | undefined;
  ofName(name: DnsName): Group | undefined;
}

const preference = ['kubernetes', 'compose', 'npm'] as const;

/** `Shop_DB` as a DNS label: `shop-db`. */
export function labelOf(name: string): string {
  const label = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return label === '' ? 'service' : label;
}

/** The name under which a workload is best known: its own, else the one that selects the fewest others. */
function knownAs(workload: Workload, facts: Facts): string {
  const selecting = facts.names.filter((name) => name.source === workload.source && name.selects(workload));
  if (selecting.length === 0 || selecting.some(({ name }) => name === workload.name)) return workload.name;
  const width = (name: DnsName): number => facts.workloads.filter((other) => name.selects(other)).length;
  const [best] = [...selecting].sort(
    (a, b) => width(a) - width(b) || a.name.length - b.name.length || (a.name < b.name ? -1 : 1),
  );
  return best?.name ?? workload.name;
}

/** Gathers what was found into services. A name in two namespaces makes two services; in two kinds of source, one. */
export function groupFacts(facts: Facts): Grouping {
  const byKey = new Map<string, Group>();
  const taken = new Map<string, string>();
  const workloads = new Map<Workload, Group>();
  const names = new Map<DnsName, Group>();

  function groupFor(source: Workload['source'], namespace: string, name: string): Group {
    const key = `${source}\n${namespace}\n${name}`;
    const known = byKey.get(key);
    if (known !== undefined) return known;
    const { label, joins } = choose(labelOf(name), source, namespace);
    if (label !== name) facts.findings.push(renamed(name, namespace, label));
    const group = joins ?? { label, workloads: [], names: [] };
    taken.set(`${source}\n${label}`, namespace);
    byKey.set(key, group);
    return group;
  }

  // Of one source a label stands for one namespace; a second one is told apart by its namespace's name.
  function choose(
    plain: string,
    source: Workload['source'],
    namespace: string,
  ): { label: string; joins: Group | undefined } {
    let label = plain;
    for (let count = 1; taken.has(`${source}\n${label}`); count++)
      label = labelOf(`${plain}-${namespace}${count > 1 ? `-${count}` : ''}`.slice(-63));
    const joins = label === plain ? [...byKey.values()].find((group) => group.label === label) : undefined;
    return { label, joins };
  }

  for (const source of preference) {
    for (const workload of facts.workloads.filter((item) => item.source === source)) {
      const group = groupFor(source, workload.namespace, knownAs(workload, facts));
      group.workloads.push(workload);
      workloads.set(workload, group);
    }
    for (const name of facts.names.filter((item) => item.source === source)) {
      const selected = facts.workloads.find((workload) => name.selects(workload));
      const group =
        (selected === undefined ? undefined : workloads.get(selected)) ?? groupFor(source, name.namespace, name.name);
      group.names.push(name);
      names.set(name, group);
    }
  }
  const groups = [...new Set(byKey.values())].sort((a, b) => (a.label < b.label ? -1 : 1));
  return { groups, ofWorkload: (workload) => workloads.get(workload), ofName: (name) => names.get(name) };
}

function renamed(name: string, namespace: string, label: string): DiscoveryFinding {
  const where = namespace === '' || namespace === '.' ? '' : ` in \`${namespace}\``;
  return {
    severity: 'info',
    code: 'discover.renamed',
    message: `\`${name}\`${where} is called \`${label}\` in the manifest`,
  };
}
