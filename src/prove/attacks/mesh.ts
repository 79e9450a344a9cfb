import type { ConnectionOptions } from 'node:tls';
import type { Protection } from '../../api/protections.ts';
import type { AgentService, AgentSnapshot } from '../../api/snapshot.ts';
import {
  type Attack,
  gotThrough,
  inconclusive,
  type Judgement,
  type NotApplicable,
  notApplicable,
  type Probe,
  type Severity,
  stopped,
} from '../attack.ts';
import type { ProveContext } from '../context.ts';
import type { KeyPairPem } from '../ports.ts';
import { askRightfully, judgeRefusal, wasLetThrough } from '../probes.ts';
import { bodyOf, isSuccess, personA } from '../survey.ts';
import type { Route } from '../wire/exchange.ts';
import type { Observation } from '../wire/observation.ts';
import { formatRequest, type RequestText } from '../wire/request.ts';

/** A declared call: who may call whom, and what to ask. */
interface Edge {
  readonly mesh: AgentSnapshot;
  readonly caller: string;
  readonly callee: AgentService;
  readonly request: RequestText;
}

/** A declared edge with a GET that the callee's document declares without parameters. */
function edgesOf({ target: { mesh, manifest, apis } }: ProveContext): Edge[] {
  if (mesh === undefined) return [];
  return Object.entries(manifest.services).flatMap(([caller, { calls }]) =>
    calls.flatMap((name): Edge[] => {
      const callee = mesh.services.find((service) => service.name === name);
      const document = apis.get(name)?.document;
      const operation = document?.operations.find(
        ({ method, template }) => method === 'GET' && !template.includes('{'),
      );
      const health = manifest.services[name]?.health;
      const path = operation === undefined ? health : `${document?.basePaths[0] ?? ''}${operation.template}`;
      if (callee === undefined || path === undefined) return [];
      return [{ mesh, caller, callee, request: { method: 'GET', target: health ?? path, headers: [] } }];
    }),
  );
}

type Plan = ReturnType<Attack['plan']>;

const noEdge = 'the manifest declares no call between services that live here';

function withEdge(context: ProveContext, plan: (edge: Edge) => Probe | NotApplicable): Plan {
  const [edge] = edgesOf(context);
  if (edge === undefined) return notApplicable(noEdge);
  const probe = plan(edge);
  return 'notApplicable' in probe ? probe : [probe];
}

function inbound({ mesh, callee }: Edge, svid: KeyPairPem | undefined, change: ConnectionOptions = {}): Route {
  return {
    host: mesh.inbound.host,
    port: mesh.inbound.port,
    tls: {
      ca: mesh.bundle,
      servername: callee.serverName,
      // The callee proves itself by its SPIFFE ID, which is no host name.
      checkServerIdentity: () => undefined,
      ...(svid === undefined ? {} : { cert: svid.certificate, key: svid.key }),
      ...change,
    },
  };
}

async function svidOf(context: ProveContext, service: string, expired = false): Promise<KeyPairPem> {
  const { certificate = '', key = '' } = await context.mint({ kind: 'svid', service, expired });
  return { certificate, key };
}

/** The declared caller, with its own SVID. */
async function rightfulCall(context: ProveContext, edge: Edge): Promise<Observation> {
  return call(context, edge, inbound(edge, await svidOf(context, edge.caller)));
}

function call(context: ProveContext, edge: Edge, route: Route, request = edge.request): Promise<Observation> {
  return context.send(route, formatRequest(request, edge.callee.serverName), { responses: 1, timeoutMs: 5000 });
}

function faultOfCall({ status, received }: Observation): string | undefined {
  return status >= 200 && status < 300
    ? undefined
    : `the declared caller was answered ${status === 0 ? received : status}`;
}

/** No HTTP answer may come: the handshake fails. */
function judgeHandshake(attack: Observation): Judgement {
  if (wasLetThrough(attack)) return gotThrough(`answered with ${attack.status}`);
  const { transcript, status } = attack;
  if (status !== 0) return inconclusive(`answered with ${status}: the handshake was let pass`);
  return transcript?.closed === true
    ? stopped(`the handshake was refused${transcript.error === undefined ? '' : ` (${transcript.error})`}`)
    : inconclusive('the connection was left open without an answer');
}

const edgePlace = ({ caller, callee }: Edge): string => `mesh: ${caller} → ${callee.name}`;

interface HandshakeRow {
  readonly id: string;
  readonly title: string;
  readonly protection?: Protection;
  readonly severity?: Severity;
  readonly standards: readonly string[];
  readonly route: (context: ProveContext, edge: Edge) => Promise<Route> | Route;
}

const rows: readonly HandshakeRow[] = [
  {
    id: 'mesh.no-svid',
    title: 'calling a service without any certificate',
    protection: 'mesh.client-certificate',
    severity: 'critical',
    standards: ['CWE-306'],
    route: (_, edge) => inbound(edge, undefined),
  },
  {
    id: 'mesh.foreign-trust-domain',
    title: 'an SVID of another trust domain, of the same service name',
    protection: 'mesh.trust-domain',
    severity: 'critical',
    standards: ['CWE-295'],
    route: ({ target }, edge) => inbound(edge, target.forgeSvid(`spiffe://attacker.invalid/service/${edge.caller}`)),
  },
  {
    id: 'mesh.forged-authority',
    title: "the caller's own SPIFFE ID, issued by an authority of the attacker's",
    protection: 'mesh.trust-domain',
    severity: 'critical',
    standards: ['CWE-295', 'CWE-347'],
    route: ({ target }, edge) => inbound(edge, target.forgeSvid(callerId(edge))),
  },
  {
    id: 'mesh.forged-gateway',
    title: "the gateway's SPIFFE ID, issued by an authority of the attacker's",
    protection: 'mesh.trust-domain',
    severity: 'critical',
    standards: ['CWE-295', 'CWE-347'],
    route: ({ target }, edge) => inbound(edge, target.forgeSvid(edge.mesh.gatewayId)),
  },
  {
    id: 'mesh.expired-svid',
    title: "the caller's genuine SVID after its end",
    protection: 'mesh.expiry',
    severity: 'high',
    standards: ['CWE-298', 'CWE-613'],
    route: async (context, edge) => inbound(edge, await svidOf(context, edge.caller, true)),
  },
  {
    id: 'mesh.plaintext',
    title: 'a call without TLS',
    severity: 'high',
    standards: ['CWE-319'],
    route: (_, edge) => ({ host: edge.mesh.inbound.host, port: edge.mesh.inbound.port }),
  },
  {
    id: 'mesh.old-tls',
    title: 'the genuine SVID over TLS 1.1',
    severity: 'medium',
    standards: ['CWE-326'],
    route: async (context, edge) =>
      inbound(edge, await svidOf(context, edge.caller), {
        minVersion: 'TLSv1.1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      }),
  },
];

function callerId({ mesh, caller }: Edge): string {
  return `spiffe://${mesh.trustDomain}/service/${caller}`;
}

function handshakeAttack({ route, ...row }: HandshakeRow): Attack {
  return {
    ...row,
    severity: row.severity ?? 'high',
    plan: (context) =>
      withEdge(context, (edge) => ({
        place: edgePlace(edge),
        control: () => rightfulCall(context, edge),
        controlFault: faultOfCall,
        attack: async () => call(context, edge, await route(context, edge)),
        judge: judgeHandshake,
      })),
  };
}

const refusedAs = (status: number, code: string, filter: string): Probe['judge'] =>
  judgeRefusal({ status, codes: [code], filter });

const undeclaredEdge: Attack = {
  id: 'mesh.undeclared-call',
  title: 'a genuine SVID of a service that may not call this one',
  protection: 'mesh.calls',
  severity: 'critical',
  standards: ['CWE-862', 'CWE-284'],
  plan: (context) => {
    const { mesh, manifest } = context.target;
    const edges = edgesOf(context);
    const names = Object.keys(manifest.services);
    const probes = edges.flatMap((edge) =>
      names
        .filter((name) => name !== edge.callee.name && !manifest.services[name]?.calls.includes(edge.callee.name))
        .map(
          (name): Probe => ({
            place: `mesh: ${name} → ${edge.callee.name}`,
            control: () => rightfulCall(context, edge),
            controlFault: faultOfCall,
            attack: async () => call(context, edge, inbound(edge, await svidOf(context, name))),
            judge: refusedAs(403, 'mesh.undeclared-call', 'mesh-authz'),
          }),
        ),
    );
    if (mesh === undefined || probes.length === 0)
      return notApplicable('every service may call every other, or none is called');
    return unique(probes).slice(0, 6);
  },
};

function unique(probes: readonly Probe[]): Probe[] {
  return [...new Map(probes.map((probe) => [probe.place, probe])).values()];
}

function misdirected(id: string, title: string, change: ConnectionOptions): Attack {
  return {
    id,
    title,
    severity: 'medium',
    standards: ['CWE-441'],
    plan: (context) =>
      withEdge(context, (edge) => ({
        place: edgePlace(edge),
        control: () => rightfulCall(context, edge),
        controlFault: faultOfCall,
        attack: async () => call(context, edge, inbound(edge, await svidOf(context, edge.caller), change)),
        judge: refusedAs(421, 'mesh.unknown-service', 'mesh-authn'),
      })),
  };
}

/** A service among its like that speaks for a user. */
const spoofedUser: Attack = {
  id: 'mesh.spoofed-user',
  title: 'a service that claims, in header fields, to act for a user',
  protection: 'http.identity-headers',
  severity: 'high',
  standards: ['CWE-290', 'CWE-441'],
  plan: (context) => {
    const { personal } = context.survey;
    const edge = edgesOf(context).find(({ callee }) => callee.name === personal?.place.route.service);
    if (personal === undefined || edge === undefined)
      return notApplicable(
        'no service that may be called by another answers two callers differently',
        context.survey.faults.read,
      );
    const target = personal.place.sample.path;
    const asked = async (headers: RequestText['headers']): Promise<Observation> =>
      call(context, edge, inbound(edge, await svidOf(context, edge.caller)), { method: 'GET', target, headers });
    return [
      {
        place: `${edgePlace(edge)}, GET ${target}`,
        control: () => askRightfully(context, personal, personA),
        controlFault: faultOfCall,
        attack: () =>
          asked([
            ['merlon-subject', personA],
            ['merlon-roles', 'admin'],
            ['x-forwarded-user', personA],
          ]),
        judge: async (attack, control) => judgeUnheard(attack, control, await asked([])),
      },
    ];
  },
};

function judgeUnheard(attack: Observation, control: Observation, bare: Observation): Judgement {
  if (bodyOf(bare) === bodyOf(control)) return inconclusive('the service answers the bare call as it answers the user');
  if (attack.status === bare.status && bodyOf(attack) === bodyOf(bare))
    return stopped(`the fields made no difference: ${attack.status}, as without them`);
  return isSuccess(attack) && bodyOf(attack) === bodyOf(control)
    ? gotThrough('the service answered as if the user had called')
    : gotThrough(`the fields made a difference: ${attack.status} in place of ${bare.status}`);
}

/** Past the mesh, to the port of the service itself. */
const bypass: Attack = {
  id: 'mesh.bypass',
  title: "a service's own port, reached from another machine's side",
  severity: 'critical',
  standards: ['CWE-923', 'CWE-668'],
  plan: (context) => {
    const { mesh, externalAddresses } = context.target;
    const [edge] = edgesOf(context);
    const [address] = externalAddresses;
    if (mesh === undefined || edge === undefined) return notApplicable(noEdge);
    if (address === undefined) return notApplicable('this machine has no address that others could reach');
    return mesh.services
      .flatMap(({ name, endpoints }) => endpoints.map((endpoint) => ({ name, endpoint })))
      .filter(({ endpoint }) => endpoint.host === '127.0.0.1')
      .slice(0, 5)
      .map(({ name, endpoint }) => ({
        place: `${address}:${endpoint.port} (${name})`,
        control: () => rightfulCall(context, edge),
        controlFault: faultOfCall,
        attack: () => call(context, edge, { host: address, port: endpoint.port }),
        judge: judgeUnreachable,
      }));
  },
};

/** Nothing may listen there. */
export function judgeUnreachable(attack: Observation): Judgement {
  const { transcript, status } = attack;
  if (transcript?.connected === true)
    return gotThrough(`the port can be reached${status === 0 ? '' : `, and answered ${status}`}`);
  return stopped(`no connection (${transcript?.error ?? 'refused'})`);
}

const egress: Attack = {
  id: 'mesh.undeclared-egress',
  title: 'a service that reaches out to a place that nobody declared',
  severity: 'high',
  standards: ['CWE-918', 'OWASP API7:2023'],
  plan: (context) => {
    const listener = context.target.mesh?.egress[0];
    const [allowed] = listener?.allow ?? [];
    if (listener === undefined || allowed === undefined) return notApplicable('no service may reach anything outside');
    const connect = (authority: string): Promise<Observation> =>
      context.send(
        { host: '127.0.0.1', port: listener.port },
        Buffer.from(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`),
        { responses: 1, timeoutMs: 5000 },
      );
    return ['attacker.invalid:443', '169.254.169.254:80'].map((destination) => ({
      place: `egress of ${listener.service}: ${destination}`,
      control: () => connect(allowed.replace('*.', 'www.')),
      controlFault: ({ status }) =>
        status === 0 || status === 403 ? 'the declared destination is refused, too' : undefined,
      attack: () => connect(destination),
      judge: refusedAs(403, 'mesh.undeclared-egress', 'egress'),
    }));
  },
};

export const meshAttacks: readonly Attack[] = [
  ...rows.map(handshakeAttack),
  undeclaredEdge,
  misdirected('mesh.unknown-service', 'a genuine SVID, and a service that does not live here', {
    servername: 'merlon-prove.attacker.invalid',
  }),
  misdirected('mesh.no-service', 'a genuine SVID, and no service named at all', { servername: '' }),
  spoofedUser,
  bypass,
  egress,
];
