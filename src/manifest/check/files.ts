import { MerlonError } from '../../core/errors.ts';
import { acmeDomains } from '../acme-domains.ts';
import type { ManifestCode } from '../codes.ts';
import type { ReadApi } from '../ports.ts';
import type { Path } from '../problem.ts';
import { type ApiOutline, findApiFault, maxApiBytes, tryOutlineApi, tryReadApi } from './api-outline.ts';
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
export function readApis(
  draft: Draft,
  reader: Reader & { readonly readApi?: ReadApi | undefined },
): { apis: Map<string, ApiOutline>; findings: Finding[] } {
  const apis = new Map<string, ApiOutline>();
  const findings: Finding[] = [];
  for (const [name, { openapi }] of draft.services) {
    if (openapi === undefined) continue;
    const path = ['services', name, 'openapi'];
    const text = readNamed(reader, openapi, path, maxApiBytes);
    const api = typeof text === 'string' ? (tryOutlineApi(reader.readApi?.(text)) ?? tryReadApi(text)) : undefined;
    if (typeof text !== 'string') findings.push(text);
    else if (api === undefined) findings.push(notAnApi(openapi, text, path));
    else apis.set(name, api);
  }
  return { apis, findings };
}

function notAnApi(name: string, text: string, path: Path): Finding {
  return error('manifest.bad-openapi', path, findApiFault(name, text) ?? `\`${name}\` is not an OpenAPI 3 document`);
}

const maxPemBytes = 1024 * 1024;
const maxPolicyBytes = 8 * 1024 * 1024;

const certificatePem = /-----BEGIN CERTIFICATE-----/;
const keyPem = /-----BEGIN (?:[A-Z]{2,9} )?PRIVATE KEY-----/;

/** A PEM file that the gateway's section names at `path`. */
function checkPemFile(input: CheckInput, name: string | undefined, path: Path, wanted: RegExp): Finding[] {
  if (name === undefined) return [];
  const text = readNamed(input, name, path, maxPemBytes);
  if (typeof text !== 'string') return [text];
  const what = wanted === keyPem ? 'private key' : 'certificate';
  return wanted.test(text) ? [] : [error('manifest.bad-value', path, `\`${name}\` holds no PEM ${what}`)];
}

function checkPem(input: CheckInput): Finding[] {
  const { certificate, certificates = [], acme, clientCertificates } = input.draft.gateway ?? {};
  const pairs = [
    ...(typeof certificate === 'object' ? [{ pair: certificate, path: ['gateway', 'certificate'] }] : []),
    ...certificates.map((pair, at) => ({ pair, path: ['gateway', 'certificates', at] })),
  ];
  return [
    ...pairs.flatMap(({ pair, path }) => [
      ...checkPemFile(input, pair.cert, [...path, 'cert'], certificatePem),
      ...checkPemFile(input, pair.key, [...path, 'key'], keyPem),
    ]),
    ...checkPemFile(input, acme?.ca, ['gateway', 'acme', 'ca'], certificatePem),
    ...checkPemFile(input, clientCertificates?.ca, ['gateway', 'clientCertificates', 'ca'], certificatePem),
  ];
}

/** A public authority issues for names of the Internet alone. */
export function checkAcmeDomains({ draft }: CheckInput): Finding[] {
  const { acme, publicUrl } = draft.gateway ?? {};
  if (acme === undefined || acme.domains !== undefined || publicUrl === undefined || !draft.whole) return [];
  if (
    acmeDomains(
      publicUrl,
      draft.routes.map(([, { host }]) => host),
    ).length > 0
  )
    return [];
  return [
    error(
      'manifest.bad-gateway',
      ['gateway', 'acme'],
      'there is no name to get a certificate for',
      'set `gateway.publicUrl` or `acme.domains`',
    ),
  ];
}

function checkJwks(input: CheckInput): Finding[] {
  return input.draft.issuers.flatMap(([at, issuer]) => {
    if (issuer === 'embedded' || issuer.jwks === undefined || /^https?:\/\//.test(issuer.jwks)) return [];
    const text = readNamed(input, issuer.jwks, ['issuers', at, 'jwks'], maxPemBytes);
    return typeof text === 'string' ? [] : [text];
  });
}

function checkRedisAuthority(input: CheckInput): Finding[] {
  const ca = input.draft.gateway?.limits.shared?.ca;
  if (ca === undefined) return [];
  const text = readNamed(input, ca, ['gateway', 'limits', 'shared', 'ca'], maxPemBytes);
  return typeof text === 'string' ? [] : [text];
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

const maxDescriptorBytes = 16 * 1024 * 1024;

function checkDescriptors(input: CheckInput): Finding[] {
  return input.draft.services.flatMap(([name, { descriptors }]) => {
    if (descriptors === undefined) return [];
    const text = readNamed(input, descriptors, ['services', name, 'descriptors'], maxDescriptorBytes);
    return typeof text === 'string' ? [] : [text];
  });
}

/** Every file and folder that the manifest names is there. */
export function checkFiles(input: CheckInput): Finding[] {
  const all = [checkPem, checkJwks, checkRedisAuthority, checkPolicies, checkFolders, checkDescriptors];
  return all.flatMap((check) => check(input));
}
