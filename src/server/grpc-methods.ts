import { readFileSync, realpathSync, statSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import type { GrpcMethod } from '../api/openapi.ts';
import { MerlonError } from '../core/errors.ts';
import type { Manifest } from '../manifest/index.ts';
import { readGrpcMethods } from '../openapi/control.ts';

const maxBytes = 16 * 1024 * 1024;

/**
 * The methods that the gRPC services of a manifest declare, by service. `read` gets every file that was read. Throws
 * `openapi.grpc-descriptor`, `openapi.foreign-ref` where a file leads out of `folder`, `openapi.too-large`.
 */
export function loadGrpcMethods(
  { services }: Manifest,
  folder: string,
  read: Set<string>,
): Map<string, readonly GrpcMethod[]> {
  const methods = new Map<string, readonly GrpcMethod[]>();
  for (const [name, { descriptors }] of Object.entries(services)) {
    if (descriptors === undefined) continue;
    const path = resolve(folder, descriptors);
    read.add(path);
    methods.set(name, readGrpcMethods(readBounded(path, folder)));
  }
  return methods;
}

function readBounded(path: string, folder: string): Buffer {
  const real = realpathSync(path);
  const inner = relative(realpathSync(folder), real);
  if (inner === '..' || inner.startsWith(`..${sep}`) || resolve(inner) === inner)
    throw new MerlonError({ code: 'openapi.foreign-ref', message: `\`${path}\` leads out of \`${folder}\`` });
  const status = statSync(real);
  if (!status.isFile() || status.size > maxBytes)
    throw new MerlonError({
      code: 'openapi.too-large',
      message: `\`${path}\` is no file, or larger than ${maxBytes} bytes`,
    });
  return readFileSync(real);
}
