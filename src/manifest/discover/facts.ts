// What the readers find, before anyone decides what it means.

/** A line of a file. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** Something that a program is told: a variable, an argument, a setting from a ConfigMap. */
export interface Setting {
  readonly kind: 'variable' | 'argument';
  /** Name of the variable; empty for an argument. */
  readonly name: string;
  /** Undefined where it comes from a secret. */
  readonly value: string | undefined;
  /** Where it comes from a secret: what that is called. Without a path, a secret of the service's own. */
  readonly secret?: { readonly path?: string; readonly field: string };
  readonly place: Place;
}

/** A program that runs: a pod template, a compose service, an npm workspace. */
export interface Workload {
  readonly source: 'kubernetes' | 'compose' | 'npm';
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly serviceAccount: string | undefined;
  readonly image: string | undefined;
  /** Ports that it listens on. */
  readonly ports: readonly number[];
  /** Names of its ports, as `targetPort` may give them. */
  readonly portNames: ReadonlyMap<string, number>;
  readonly health: string | undefined;
  readonly settings: readonly Setting[];
  /** Names of compose services that it starts after, or is linked with. */
  readonly after: readonly { readonly name: string; readonly how: 'depends_on' | 'links'; readonly place: Place }[];
  /** Networks of compose; two workloads reach each other where they share one. */
  readonly networks: readonly string[];
  /** How Merlon could run it. */
  readonly run?: { readonly command: string; readonly cwd: string };
  readonly place: Place;
}

/** A name by which others reach workloads. */
export interface DnsName {
  readonly source: Workload['source'];
  readonly name: string;
  readonly namespace: string;
  readonly selects: (workload: Workload) => boolean;
  readonly ports: readonly { readonly port: number; readonly target: number | string }[];
  /** Reachable from outside by itself: a load balancer, a node port, a published port. */
  readonly published: readonly number[];
  readonly place: Place;
}

/** A path from outside to a name: Ingress, VirtualService behind a Gateway. */
export interface Entrance {
  readonly kind: string;
  readonly host: string | undefined;
  readonly path: string;
  readonly name: string;
  readonly namespace: string;
  readonly place: Place;
}

/** Who a policy lets in or out. `anyone`: it does not say. */
export type Peer = 'anyone' | ((workload: Workload) => boolean);

/** One policy of the authors': for whom, in which direction, and whom it allows. */
export interface StatedPolicy {
  readonly kind: 'NetworkPolicy' | 'AuthorizationPolicy';
  readonly name: string;
  readonly direction: 'ingress' | 'egress';
  readonly subject: (workload: Workload) => boolean;
  /** No entry allows nobody. `ports` empty: any. */
  readonly allows: readonly { readonly peer: Peer; readonly ports: readonly (number | string)[] }[];
  readonly place: Place;
}

/** Something to tell the person who asked. */
export interface DiscoveryFinding {
  readonly severity: 'warning' | 'info';
  readonly code: DiscoveryCode;
  readonly message: string;
  readonly place?: Place;
}

/** What discovery may have to say. */
export const discoveryCodes = {
  'discover.nothing': 'no service was found',
  'discover.unreadable': 'a file that could not be read',
  'discover.bounds': 'a folder with more files than are read',
  'discover.template': 'a template that must be rendered first',
  'discover.conflict': 'two sources that contradict each other',
  'discover.renamed': 'a name that had to be changed',
  'discover.plain-secret': 'a secret in clear text',
  'discover.unknown-host': 'a host that no file declares',
  'discover.not-http': 'a service that does not speak HTTP',
  'discover.no-port': 'a service of which no port is stated',
  'discover.unsupported': 'a statement that has no counterpart in the manifest',
  'discover.unconfirmed-call': 'a call that only a policy states',
  'discover.unmatched-document': 'an OpenAPI document that fits no service',
  'discover.no-entrance': 'no way in was found',
} as const;

export type DiscoveryCode = keyof typeof discoveryCodes;

/** An OpenAPI document and where it lies, relative to the folder. */
export interface FoundApi {
  readonly file: string;
  readonly title: string | undefined;
  readonly paths: readonly string[];
}

/** A destination outside that a policy of the mesh names for nobody in particular. */
export interface StatedEgress {
  readonly host: string;
  readonly ports: readonly number[];
  readonly place: Place;
}

/** Everything that was found in a folder. */
export interface Facts {
  readonly workloads: Workload[];
  readonly names: DnsName[];
  readonly entrances: Entrance[];
  readonly policies: StatedPolicy[];
  readonly apis: FoundApi[];
  readonly egress: StatedEgress[];
  readonly findings: DiscoveryFinding[];
}
