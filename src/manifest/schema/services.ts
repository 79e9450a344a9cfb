import { z } from 'zod';
import { splitCommand } from './command.ts';
import { secretPath } from './secret-path.ts';
import { dictionary, duration, endpoint, file, label, matching, plainAddress, port, refuse } from './terms.ts';
import { upstream } from './upstream.ts';

/** Classes of data, for the threat model, masking and cache rules. */
export const dataClass = z.enum(['pii', 'payment', 'health', 'credentials', 'internal', 'public']);
export type DataClass = z.output<typeof dataClass>;

const environmentName = matching('a variable name', /^[A-Za-z_][A-Za-z0-9_]{0,127}$/, '`DB_PASSWORD`');

const secret = z
  .union([
    secretPath,
    z.strictObject({
      path: secretPath.describe('`mount/path#field`.'),
      generate: z.boolean().default(false).describe('Make a random value when there is none yet.'),
      as: z
        .enum(['env', 'file'])
        .default('env')
        .describe('`env`: the variable holds the value. `file`: it holds the path of a file that does.'),
    }),
  ])
  .transform((value) => ('mount' in value ? { path: value, generate: false, as: 'env' as const } : value));

const command = z.union([
  z.string().transform((text, context): string[] => {
    const words = splitCommand(text);
    if (words !== undefined && words.length > 0) return words;
    refuse(context, 'the command is empty or a quote is not closed', {
      code: 'manifest.bad-command',
      hint: 'there is no shell: write `[sh, -c, "..."]` where you need one',
    });
    return z.NEVER;
  }),
  z.array(z.string()).min(1),
]);

/** Keys that mean nothing to a service that speaks what it does. */
function refuseForeignKeys(
  {
    protocol,
    descriptors,
    openapi,
    health,
  }: { protocol: string; descriptors?: string; openapi?: string; health?: string },
  context: z.RefinementCtx,
): void {
  const code = 'manifest.bad-service';
  if (descriptors !== undefined && protocol !== 'grpc')
    refuse(context, '`descriptors` describe a gRPC service', { code, hint: 'add `protocol: grpc`' }, ['descriptors']);
  if (openapi !== undefined && protocol === 'grpc')
    refuse(context, 'an OpenAPI document says nothing of gRPC', { code, hint: 'use `descriptors`' }, ['openapi']);
  if (health !== undefined && protocol !== 'http1')
    refuse(
      context,
      '`health` is asked by HTTP/1.1, which this service does not speak',
      { code, hint: 'remove `health`: that the port accepts connections will do' },
      ['health'],
    );
}

export const service = z
  .strictObject({
    run: command
      .exactOptional()
      .describe('The command that Merlon runs, as text (split at spaces, quotes respected, no shell) or as a list.'),
    address: z
      .union([plainAddress, z.array(plainAddress).min(1).max(64)])
      .exactOptional()
      .describe(
        'Where the service runs already: `http://host:port`, or a list. All addresses of a host name are used.',
      ),
    upstream: upstream.prefault({}).describe('How its endpoints are used.'),
    cwd: file.exactOptional().describe("Folder that the command runs in. Default: the manifest's."),
    env: dictionary(environmentName, z.string()).prefault({}).describe('Variables of the command. Not for secrets.'),
    port: port
      .exactOptional()
      .describe('Port that the command listens on, given to it as `PORT`. Default: a free one.'),
    protocol: z
      .enum(['http1', 'http2', 'grpc'])
      .default('http1')
      .describe('What the service speaks: HTTP/1.1, HTTP/2 without TLS (by prior knowledge), or gRPC over that.'),
    health: matching('a path', /^\/[\x21-\x7e]{0,1023}$/, '`/healthz`')
      .exactOptional()
      .describe('Path that answers 2xx when the service is ready. Default: that its port accepts connections.'),
    startTimeout: duration.prefault('30s').describe('How long it may take to become ready.'),
    openapi: file.exactOptional().describe('Its OpenAPI 3 document. Requests are checked against it.'),
    descriptors: file
      .exactOptional()
      .describe(
        'Descriptor set of a gRPC service (`protoc --descriptor_set_out`, `buf build -o`). Methods that it does not declare are refused.',
      ),
    data: z.array(dataClass).default([]).describe('Classes of data that it handles.'),
    calls: z.array(label).default([]).describe('Services that it may call. All other calls are denied.'),
    egress: z.array(endpoint).default([]).describe('Destinations outside that it may reach, as `host:port`.'),
    secrets: dictionary(environmentName, secret)
      .prefault({})
      .describe(
        'Secrets of the service, by variable: `mount/path#field`, or `{ path, generate, as }`. A command that Merlon runs is given them; a service at an `address` may read them with its SVID.',
      ),
  })
  .superRefine((service, context) => {
    const code = 'manifest.bad-service';
    if ((service.run === undefined) === (service.address === undefined))
      refuse(context, 'a service needs exactly one of `run` and `address`', { code });
    refuseForeignKeys(service, context);
    if (service.run !== undefined) return;
    const pointless = (['cwd', 'port', 'env'] as const).filter(
      (key) => service[key] !== undefined && !(key === 'env' && Object.keys(service.env).length === 0),
    );
    for (const key of pointless)
      refuse(
        context,
        `\`${key}\` has no meaning for a service that Merlon does not run`,
        { code, hint: `remove \`${key}\`, or use \`run\`` },
        [key],
      );
  })
  .superRefine(({ upstream: { healthCheck }, health }, context) => {
    if (healthCheck !== undefined && healthCheck.path === undefined && health === undefined)
      refuse(
        context,
        '`healthCheck` needs a path',
        { code: 'manifest.bad-service', hint: 'give it `path`, or the service `health`' },
        ['upstream', 'healthCheck'],
      );
  })
  .transform(({ address, ...service }) => ({
    ...service,
    /** Where it runs already; none where Merlon runs it. */
    addresses: address === undefined ? [] : Array.isArray(address) ? address : [address],
  }));

export const services = dictionary(label, service);
export type Service = z.output<typeof service>;
