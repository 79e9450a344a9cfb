import { relative } from 'node:path';
import { styleText } from 'node:util';
import type { Manifest, Route } from '../manifest/index.ts';
import type { StateLayout } from '../server/state.ts';

export interface FirstScreen {
  readonly manifest: Manifest;
  readonly manifestPath: string;
  readonly layout: StateLayout;
  readonly readyMs: number;
  readonly colour: boolean;
  readonly width: number;
}

/** What someone sees who has just started the platform: where it is, how to get in, what to try. */
export function formatFirstScreen(screen: FirstScreen): string {
  const { manifest, colour, readyMs } = screen;
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const { publicUrl } = manifest.gateway;
  const rule = paint('gray', '─'.repeat(Math.max(20, Math.min(screen.width, 100))));
  const sections: [title: string, lines: string[]][] = [
    ['Open', [paint('underline', `${publicUrl}/`)]],
    ['Routes', routeLines(manifest, paint)],
    ['Services', serviceLines(manifest, paint)],
    ['Get a token', tokenLines(screen)],
    ['Try', tryLines(screen)],
  ];
  const body = sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) =>
      lines.map((line, index) => `  ${paint('bold', (index === 0 ? title : '').padEnd(12))} ${line}`).join('\n'),
    )
    .join('\n\n');
  return `\n${rule}\n  ${paint(['bold', 'green'], 'merlon')} ${manifest.trustDomain} is up ${paint('gray', `(ready in ${(readyMs / 1000).toFixed(1)} s)`)}\n\n${body}\n\n  ${paint('gray', 'Ctrl-C stops everything.')}\n${rule}\n\n`;
}

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

function routeLines({ routes }: Manifest, paint: Paint): string[] {
  const width = Math.max(0, ...routes.map(({ path }) => path.length));
  return routes.map(
    (route) => `${route.path.padEnd(width)}  ${paint('gray', '→')} ${route.service}  ${paint('gray', guardOf(route))}`,
  );
}

function guardOf({ auth, scopes, roles, owner }: Route): string {
  if (auth !== 'required') return auth;
  const needed = new Set(Object.values(scopes).flatMap((list) => list ?? []));
  const parts = [
    ...(needed.size > 0 ? [[...needed].join(' ')] : []),
    ...(roles.length > 0 ? [`role ${roles.join(' or ')}`] : []),
    ...(owner === undefined ? [] : [`own ${owner.param}`]),
  ];
  return parts.length === 0 ? 'a valid token' : parts.join(', ');
}

function serviceLines({ services }: Manifest, paint: Paint): string[] {
  return Object.entries(services).map(
    ([name, { calls }]) => `${name}${calls.length === 0 ? '' : paint('gray', `  calls ${calls.join(', ')}`)}`,
  );
}

function stateFlag({ manifestPath }: FirstScreen): string {
  return manifestPath === 'merlon.yaml' ? '' : ` -m ${manifestPath}`;
}

function tokenLines(screen: FirstScreen): string[] {
  const { manifest, layout } = screen;
  if (!manifest.issuers.includes('embedded')) return [];
  const users = Object.keys(manifest.users);
  const lines = users.slice(0, 1).map((user) => `npm run -s merlon -- token --user ${user}${stateFlag(screen)}`);
  if (users.length > 0)
    lines.push(`passwords of ${users.join(', ')}: ${relative(process.cwd(), layout.credentials) || '.'}/user-<name>`);
  return lines;
}

function tryLines(screen: FirstScreen): string[] {
  const { manifest, layout } = screen;
  const route = manifest.routes.find(({ auth }) => auth === 'required');
  const ca = relative(process.cwd(), layout.caFile);
  return [
    ...(route === undefined
      ? []
      : [`curl --cacert ${ca} ${manifest.gateway.publicUrl}${route.path}   # 401, with a decision id`]),
    `npm run -s merlon -- explain <decision id>${stateFlag(screen)}`,
    `npm run -s merlon -- prove${stateFlag(screen)}`,
    `npm run -s merlon -- check${stateFlag(screen)}`,
  ];
}
