import { MerlonError } from '../../core/errors.ts';
import type { ManifestCode } from '../codes.ts';
import type { Path } from '../problem.ts';
import { type ApiOutline, maxApiBytes, tryReadApi } from './api-outline.ts';
import type { Draft } from './draft.ts';
import { type CheckInput, error, type Finding } from './finding.ts';

type Reader = Pick<CheckInput, 'files' | 'resolve'>;

/** What `read` gives, or what is wrong with the file or folder that it reads. */
function tryRead<T>(path: Path, read: () => T): T | Finding {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof MerlonError) return error(thrown.code as ManifestCode, path, thrown.message);
    throw thrown;
  }
}

/** The text of a file that the manifest names, or what is wrong with it. */
export function readNamed({ files, resolve }: Reader, name: string, path: Path, maxBytes: number): string | Finding {
  const missing = error('manifest.missing-file', path, `there is no file \`${name}\``);
  return tryRead(path, () => files.readText(resolve(name), maxBytes) ?? missing);
}

/** Reads the OpenAPI documents of all services; what cannot be read is told. */
export function readApis(draft: Draft, reader: Reader): { apis: Map<string, ApiOutline>; findings: Finding[] } {
  const apis = new Map<string, ApiOutline>();
  const findings: Finding[] = [];
  for (const [name, { openapi }] of draft.services) {
    if (openapi === undefined) continue;
    const path = ['services', name, 'openapi'];
    const text = readNamed(reader, openapi, path, maxApiBytes);
    const api = typeof text === 'string' ? tryReadApi(text) : undefined;
    if (typeof text !== 'string') findings.push(text);
    else if (api === undefined)
      findings.push(error('manifest.bad-openapi', path, `\`${openapi}\` is not an OpenAPI 3 document`));
    else apis.set(name, api);
  }
  return { apis, findings };
}

const maxPemBytes = 1024 * 1024;
const maxPolicyBytes = 8 * 1024 * 1024;

function checkPem(input: CheckInput): Finding[] {
  const certificate = input.draft.gateway?.certificate;
  if (typeof certificate !== 'object') return [];
  return (['cert', 'key'] as const).flatMap((part) => {
    const path = ['gateway', 'certificate', part];
    const text = readNamed(input, certificate[part], path, maxPemBytes);
    if (typeof text !== 'string') return [text];
    const wanted = part === 'cert' ? /-----BEGIN CERTIFICATE-----/ : /-----BEGIN (?:[A-Z]{2,9} )?PRIVATE KEY-----/;
    return wanted.test(text)
      ? []
      : [
          error(
            'manifest.bad-value',
            path,
            `\`${certificate[part]}\` holds no PEM ${part === 'cert' ? 'certificate' : 'private key'}`,
          ),
        ];
  });
}

function checkJwks(input: CheckInput): Finding[] {
  return input.draft.issuers.flatMap(([at, issuer]) => {
    if (issuer === 'embedded' || issuer.jwks === undefined || /^https?:\/\//.test(issuer.jwks)) return [];
    const text = readNamed(input, issuer.jwks, ['issuers', at, 'jwks'], maxPemBytes);
    return typeof text === 'string' ? [] : [text];
  });
}

function checkPolicies(input: CheckInput): Finding[] {
  const written = input.valueAt(['policies']);
  const names = typeof written === 'string' ? [written] : Array.isArray(written) ? written : [];
  return names.flatMap((name: unknown, at): Finding[] => {
    if (typeof name !== 'string') return [];
    const path: Path = Array.isArray(written) ? ['policies', at] : ['policies'];
    const items = tryRead(path, () => input.files.list(input.resolve(name)));
    if (items === undefined) {
      const text = readNamed(input, name, path, maxPolicyBytes);
      return typeof text === 'string' ? [] : [text];
    }
    if ('code' in items) return [items];
    return items.some((item) => item.name.endsWith('.cedar'))
      ? []
      : [error('manifest.missing-file', path, `the folder \`${name}\` holds no \`.cedar\` file`)];
  });
}

function checkFolders(input: CheckInput): Finding[] {
  return input.draft.services.flatMap(([name, { cwd }]) => {
    if (cwd === undefined) return [];
    const path = ['services', name, 'cwd'];
    const items = tryRead(path, () => input.files.list(input.resolve(cwd)));
    if (items === undefined) return [error('manifest.missing-file', path, `there is no folder \`${cwd}\``)];
    return 'code' in items ? [items] : [];
  });
}

/** Every file and folder that the manifest names is there. */
export function checkFiles(input: CheckInput): Finding[] {
  return [checkPem, checkJwks, checkPolicies, checkFolders].flatMap((check) => check(input));
}
