import type { Entrance, Facts, Place } from './facts.ts';
import type { Group, Grouping } from './groups.ts';
import { speaksOther } from './services.ts';

/** A way in that becomes a route. */
export interface DiscoveredRoute {
  readonly path: string;
  readonly host: string | undefined;
  readonly service: string;
  readonly stripPrefix: boolean;
  /** What says so: `Ingress`, `LoadBalancer`, `published port`, `OpenAPI`. */
  readonly kind: string;
  readonly place: Place;
}

/** A route's path: no wildcard, no slash at its end. Undefined for a pattern. */
function prefixOf(path: string): string | undefined {
  const bare = path.replace(/\/?\*$/, '').replace(/\/{1,64}$/, '') || '/';
  const plain = /^\/[A-Za-z0-9._~@:/-]{0,512}$/.test(bare) && !bare.includes('//') && !/\/\.{1,2}(?:\/|$)/.test(bare);
  return plain && !/^\/(?:oidc|\.merlon)(?:\/|$)/.test(bare) ? bare : undefined;
}

const hostName = /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

function routeOf(entrance: Entrance, facts: Facts, grouping: Grouping): DiscoveredRoute[] {
  const { kind, host, place } = entrance;
  const name = facts.names.find((item) => item.name === entrance.name && item.namespace === entrance.namespace);
  const group = name === undefined ? undefined : grouping.ofName(name);
  const path = prefixOf(entrance.path);
  const told = (message: string) => {
    facts.findings.push({ severity: 'warning', code: 'discover.unsupported', message, place });
    return [];
  };
  if (group === undefined) return told(`the ${kind} leads to \`${entrance.name}\`, which no file here declares`);
  if (path === undefined)
    return told(`the path \`${entrance.path}\` of the ${kind} has no counterpart: routes match by prefix`);
  const known = host !== undefined && hostName.test(host) && host !== '*' ? host : undefined;
  return [{ path, host: known, service: group.label, stripPrefix: false, kind, place }];
}

/** Each host and path once; two services for one are pointed out. */
function withoutDoubles(routes: readonly DiscoveredRoute[], facts: Facts): DiscoveredRoute[] {
  const kept = new Map<string, DiscoveredRoute>();
  for (const route of routes) {
    const key = `${route.host ?? ''}${route.path}`;
    const other = kept.get(key);
    if (other === undefined) kept.set(key, route);
    else if (other.service !== route.service)
      facts.findings.push({
        severity: 'warning',
        code: 'discover.conflict',
        message: `\`${route.path}\` leads to \`${other.service}\` and to \`${route.service}\``,
        place: route.place,
      });
  }
  return [...kept.values()];
}

const fronts = ['frontend', 'web', 'www', 'website', 'ui', 'webapp', 'app', 'nginx', 'proxy', 'gateway'];

/** Of several published services, the one that callers probably meet first. */
function frontOf(labels: readonly string[]): string | undefined {
  return labels.length === 1 ? labels[0] : fronts.find((front) => labels.includes(front));
}

/** Services that are published by themselves: the front at `/`, where that is free, each other below its name. */
function publishedRoutes(
  groups: readonly Group[],
  routed: readonly DiscoveredRoute[],
  facts: Facts,
): DiscoveredRoute[] {
  const open = groups.flatMap((group) => {
    const name = group.names.find(({ published }) => published.length > 0);
    if (name === undefined || routed.some(({ service }) => service === group.label)) return [];
    const protocol = speaksOther(group);
    if (protocol === undefined) return [{ label: group.label, name }];
    facts.findings.push({
      severity: 'info',
      code: 'discover.not-http',
      message: `\`${group.label}\` is published and speaks ${protocol}: it gets no route`,
      place: name.place,
    });
    return [];
  });
  const free = !routed.some(({ path, host }) => path === '/' && host === undefined);
  const front = free ? frontOf(open.map(({ label }) => label)) : undefined;
  return open.map(({ label, name }) => ({
    path: label === front ? '/' : `/${label}`,
    host: undefined,
    service: label,
    stripPrefix: label !== front,
    kind: name.source === 'compose' ? 'published port' : 'published service',
    place: name.place,
  }));
}

/** The longest prefix, on segment bounds and without parameters, of all paths. */
function commonPrefix(paths: readonly string[]): string {
  const split = paths.map((path) => path.split('/').filter((segment) => segment !== ''));
  const [first = [], ...others] = split;
  const length = first.findIndex(
    (segment, at) => segment.includes('{') || others.some((segments) => segments[at] !== segment),
  );
  return `/${first.slice(0, length === -1 ? first.length : length).join('/')}`;
}

/** Ways in, by what the files say; where they say nothing, by the OpenAPI documents. */
export function routesOf(
  facts: Facts,
  grouping: Grouping,
  apis: ReadonlyMap<string, { file: string; paths: readonly string[] }>,
): DiscoveredRoute[] {
  const stated = withoutDoubles(
    facts.entrances.flatMap((entrance) => routeOf(entrance, facts, grouping)),
    facts,
  );
  const routes = [...stated, ...publishedRoutes(grouping.groups, stated, facts)];
  if (routes.length > 0) return routes;
  const documented = [...apis].flatMap(([service, { file, paths }]) => {
    const path = prefixOf(commonPrefix(paths));
    return paths.length === 0 || path === undefined
      ? []
      : [{ path, host: undefined, service, stripPrefix: false, kind: 'OpenAPI', place: { file, line: 1 } }];
  });
  if (documented.length === 0 && grouping.groups.length > 0)
    facts.findings.push({
      severity: 'warning',
      code: 'discover.no-entrance',
      message: 'nothing says how callers come in: add `routes`',
    });
  return withoutDoubles(documented, facts);
}
