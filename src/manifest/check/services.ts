import type { Service } from '../schema/services.ts';
import { isPlainSecret } from '../secrecy.ts';
import { type CheckInput, error, type Finding, warning } from './finding.ts';

const loopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host);

/** No two things listen on one port of this machine. */
export function checkPorts({ draft }: CheckInput): Finding[] {
  const taken = new Map<number, string>();
  const { listen, redirect } = draft.gateway ?? {};
  if (listen !== undefined) taken.set(listen.port, 'the gateway');
  if (redirect !== undefined) taken.set(redirect.port, '`gateway.redirect`');
  for (const [name, { addresses }] of draft.services)
    for (const { host, port } of addresses) if (loopback(host)) taken.set(port, `\`${name}\``);
  return draft.services.flatMap(([name, { port }]) => {
    if (port === undefined) return [];
    const other = taken.get(port);
    taken.set(port, `\`${name}\``);
    return other === undefined
      ? []
      : [
          error(
            'manifest.port-collision',
            ['services', name, 'port'],
            `port ${port} is taken by ${other}`,
            'remove `port`: a free one is chosen',
          ),
        ];
  });
}

/** A service that nothing can reach is pointed out. */
export function checkReachable({ draft }: CheckInput): Finding[] {
  if (!draft.whole) return [];
  const reached = new Set([
    ...draft.routes.flatMap(([, { service, canary }]) => [service, ...canary.map((variant) => variant.service)]),
    ...draft.services.flatMap(([, { calls }]) => calls),
  ]);
  return draft.services
    .filter(([name]) => !reached.has(name))
    .map(([name]) => ({
      ...warning(
        'manifest.unreachable-service',
        ['services', name],
        `nothing reaches \`${name}\`: it has no route and no caller`,
      ),
      at: 'key' as const,
    }));
}

/** One way round each circle of calls, beginning with the service that is declared first. */
export function callCycles(calls: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  for (const start of calls.keys()) {
    const cycle = done.has(start) ? undefined : wayBack(calls, start, done);
    if (cycle === undefined) continue;
    cycles.push(cycle);
    for (const name of cycle) done.add(name);
  }
  return cycles;
}

/** The shortest way from `start` back to it, not through `avoid`. */
function wayBack(
  calls: ReadonlyMap<string, readonly string[]>,
  start: string,
  avoid: ReadonlySet<string>,
): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const name of queue) {
    for (const callee of calls.get(name) ?? []) {
      if (callee === start) {
        const way = [name];
        while (way[0] !== start) way.unshift(cameFrom.get(way[0] as string) as string);
        return way;
      }
      if (avoid.has(callee) || cameFrom.has(callee)) continue;
      cameFrom.set(callee, name);
      queue.push(callee);
    }
  }
  return undefined;
}

/** Services that call each other in a circle are pointed out. */
export function checkCycles({ draft }: CheckInput): Finding[] {
  const calls = new Map(
    draft.services.map(([name, service]) => [name, service.calls.filter((callee) => callee !== name)]),
  );
  return callCycles(calls).map((cycle) =>
    warning(
      'manifest.call-cycle',
      ['services', cycle[0] as string, 'calls'],
      `services call each other in a circle: ${[...cycle, cycle[0]].join(' -> ')}`,
    ),
  );
}

/** Variables that look like secrets are pointed out. */
export function checkPlainSecrets({ draft }: CheckInput): Finding[] {
  return draft.services.flatMap(([name, service]) =>
    Object.entries(service.env)
      .filter(([key, value]) => isPlainSecret(key, value))
      .map(([key]) => ({
        ...warning(
          'manifest.plain-secret',
          ['services', name, 'env', key],
          `\`${key}\` looks like a secret in clear text`,
          `move it: \`secrets: { ${key}: secret/${name}#${key.toLowerCase()} }\``,
        ),
        at: 'key' as const,
      })),
  );
}

/** Clear-text HTTP that leaves this machine is pointed out. */
export function checkPlainHttp({ draft, valueAt }: CheckInput): Finding[] {
  const listen = draft.gateway?.listen;
  const findings = draft.issuers.flatMap(([at, issuer]) => {
    if (issuer === 'embedded') return [];
    const urls = (['issuer', 'jwks'] as const).filter((key) => {
      const text = issuer[key] ?? '';
      return text.startsWith('http://') && !loopback(new URL(text).hostname.replace(/^\[|\]$/g, ''));
    });
    return urls.map((key) =>
      warning(
        'manifest.plain-http',
        ['issuers', at, key],
        'keys fetched in clear text can be replaced on the way',
        'use https',
      ),
    );
  });
  if (listen?.scheme !== 'http') return findings;
  for (const key of ['certificate', 'certificates', 'tls', 'clientCertificates', 'redirect'] as const) {
    if (valueAt(['gateway', key]) === undefined) continue;
    findings.push({
      ...error(
        'manifest.no-effect',
        ['gateway', key],
        `\`${key}\` has no meaning for an \`http://\` listener`,
        'listen on `https://`, or remove it',
      ),
      at: 'key',
    });
  }
  if (!loopback(listen.host))
    findings.push(
      warning(
        'manifest.plain-http',
        ['gateway', 'listen'],
        'callers send their credentials in clear text',
        'listen on `https://`',
      ),
    );
  return findings;
}

/** Whether Merlon sets a variable of a service that it runs; and because of what. */
function setBy(name: string, { calls, egress }: Service): string | undefined {
  if (name === 'PORT' || name === 'HOST' || name.startsWith('MERLON_'))
    return 'it tells the command where to listen, and who it is';
  const callee = calls.find((each) => name === `${each.toUpperCase().replaceAll('-', '_')}_URL`);
  if (callee !== undefined) return `it leads to \`${callee}\`, which the service calls`;
  const proxy = ['HTTPS_PROXY', 'NO_PROXY', 'NODE_USE_ENV_PROXY'].includes(name.toUpperCase());
  return proxy && egress.length > 0 ? 'it leads through the egress proxy' : undefined;
}

/** No variable takes the place of one that Merlon sets, nor of a secret of the same name. */
export function checkVariables({ draft }: CheckInput): Finding[] {
  return draft.services.flatMap(([name, service]) => {
    const written = (['env', 'secrets'] as const).flatMap((key) =>
      Object.keys(service[key]).map((variable) => [key, variable] as const),
    );
    return written.flatMap(([key, variable]): Finding[] => {
      const path = ['services', name, key, variable];
      const reason = service.run === undefined ? undefined : setBy(variable, service);
      if (reason !== undefined)
        return [
          {
            ...error(
              'manifest.reserved-variable',
              path,
              `\`${variable}\` is set by Merlon: ${reason}`,
              variable === 'PORT' ? 'use `port`' : 'remove it',
            ),
            at: 'key',
          },
        ];
      if (key === 'env' && Object.hasOwn(service.secrets, variable))
        return [
          {
            ...error(
              'manifest.bad-service',
              path,
              `\`${variable}\` is among the secrets, too`,
              'remove one of the two',
            ),
            at: 'key',
          },
        ];
      return [];
    });
  });
}
