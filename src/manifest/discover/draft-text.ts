import { stringify } from 'yaml';
import type { DiscoveredEdge, DiscoveredEgress, Evidence } from './edges.ts';
import type { DiscoveredRoute } from './entrances.ts';
import type { Place } from './facts.ts';
import { labelOf } from './groups.ts';
import type { DiscoveredService } from './services.ts';

/** What a draft is written from. */
export interface DraftParts {
  /** The name of the folder, from which the trust domain is called until someone chooses another. */
  readonly title: string;
  readonly services: readonly DiscoveredService[];
  readonly edges: readonly DiscoveredEdge[];
  readonly egress: readonly DiscoveredEgress[];
  readonly routes: readonly DiscoveredRoute[];
}

// What files are called and hold must not break out of a comment.
const comment = (text: string): string => `# ${text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ')}`;

const scalar = (text: string): string => stringify(text, { lineWidth: 0 }).trimEnd();

const at = ({ file, line }: Place): string => `${file}:${line}`;

function because(evidence: readonly Evidence[]): string {
  const shown = evidence
    .slice(0, 2)
    .map(
      ({ kind, name, place }) =>
        `${kind.endsWith('Policy') ? `${kind} ` : ''}${name === '' ? kind : name} (${at(place)})`,
    );
  return `${shown.join(', ')}${evidence.length > 2 ? `, and ${evidence.length - 2} more` : ''}`;
}

function listed(key: string, items: readonly (readonly [text: string, why: string])[]): string[] {
  if (items.length === 0) return [];
  return [`    ${key}:`, ...items.map(([text, why]) => `      - ${scalar(text)}  ${comment(why)}`)];
}

function head({ address, run, place }: DiscoveredService): string[] {
  if (run !== undefined)
    return [`    run: ${scalar(run.command)}`, `    cwd: ${scalar(run.cwd)}  ${comment(at(place))}`];
  return address === undefined ? [] : [`    address: ${scalar(`http://${address.host}:${address.port}`)}`];
}

function serviceLines(service: DiscoveredService, { edges, egress }: DraftParts): string[] {
  const { name, workloads, protocol, health, openapi, secrets } = service;
  const calls = edges.filter(({ from }) => from === name).map(({ to, evidence }) => [to, because(evidence)] as const);
  const reached = new Map(
    egress
      .filter(({ from }) => from === name)
      .map(({ host, port, evidence }) => [`${host}:${port}`, because([evidence])]),
  );
  const fields = [...secrets].map(
    ([variable, { path, place }]) => `      ${variable}: ${scalar(path)}  ${comment(at(place))}`,
  );
  return [
    ...workloads.map((workload) => `  ${comment(`${workload.kind} ${workload.name} (${at(workload.place)})`)}`),
    ...(protocol === undefined ? [] : [`  ${comment(`speaks ${protocol}, not HTTP`)}`]),
    `  ${scalar(name)}:`,
    ...head(service),
    ...(health === undefined ? [] : [`    health: ${scalar(health)}`]),
    ...(openapi === undefined ? [] : [`    openapi: ${scalar(openapi)}`]),
    ...listed('calls', calls),
    ...listed('egress', [...reached]),
    ...(fields.length === 0 ? [] : ['    secrets:', ...fields]),
  ];
}

function routeLines({ path, host, service, stripPrefix, kind, place }: DiscoveredRoute): string[] {
  return [
    `  - path: ${scalar(path)}  ${comment(`${kind} (${at(place)})`)}`,
    ...(host === undefined ? [] : [`    host: ${scalar(host)}`]),
    `    service: ${scalar(service)}`,
    ...(stripPrefix ? ['    stripPrefix: true'] : []),
  ];
}

/** The manifest that was drafted, with comments that say where each fact comes from. */
export function draftText(parts: DraftParts): string {
  const lines = [
    '# Drafted by `merlon init` from the files of this folder; comments say where each fact comes from.',
    '# Read it, above all `calls`: what is not listed is denied.',
    'version: 1',
    `trustDomain: ${labelOf(parts.title)}.internal  # choose your own`,
    '',
    'gateway:',
    '  listen: https://127.0.0.1:8443',
    '  waf: { mode: block }  # `detect` lets pass what it would refuse, and records it',
    '',
    parts.services.length === 0 ? 'services: {}' : 'services:',
    ...parts.services.flatMap((service, index) => [...(index > 0 ? [''] : []), ...serviceLines(service, parts)]),
    '',
    ...(parts.routes.length === 0
      ? ['routes: []']
      : [
          '# Every route needs a valid credential. `auth: public` opens one.',
          'routes:',
          ...parts.routes.flatMap(routeLines),
        ]),
  ];
  return `${lines.join('\n')}\n`;
}
