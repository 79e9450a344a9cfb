import { isTree, listAt, type Tree, treeAt } from '../tree.ts';
import { readYaml } from '../yaml-text.ts';

/** The little that the manifest's checks need of an OpenAPI document. */
export interface ApiOutline {
  readonly title: string | undefined;
  /** Path templates with the prefix of the first server: `/v1/orders/{id}`. */
  readonly paths: readonly string[];
  /** Path templates as they are written: `/orders/{id}`. */
  readonly templates: readonly string[];
  /** Every scope that its security schemes or requirements name. */
  readonly scopes: ReadonlySet<string>;
}

/** Largest OpenAPI document, in bytes: that of GitHub has 13 MB. */
export const maxApiBytes = 64 * 1024 * 1024;

/** Largest of them in YAML, which takes some seconds for each of these. */
const maxYamlBytes = 8 * 1024 * 1024;

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

/** The path of the first server's URL, without a slash at its end: `/v1`. */
function basePath(document: Tree): string {
  const server = listAt(document, 'servers')[0];
  const url = isTree(server) && typeof server.url === 'string' ? server.url : '/';
  if (url.includes('{') || !URL.canParse(url, 'http://host/')) return '';
  return new URL(url, 'http://host/').pathname.replace(/\/$/, '');
}

function declaredScopes(schemes: Tree): string[] {
  return Object.values(schemes).flatMap((scheme) =>
    Object.values(treeAt(scheme, 'flows')).flatMap((flow) => Object.keys(treeAt(flow, 'scopes'))),
  );
}

function requiredScopes(document: Tree, schemes: Tree): string[] {
  const operations = Object.values(treeAt(document, 'paths')).flatMap((item) =>
    methods.map((method) => treeAt(item, method)),
  );
  const withScopes = (name: string) => ['oauth2', 'openIdConnect'].includes(String(treeAt(schemes, name).type));
  return [document, ...operations]
    .flatMap((part) => listAt(part, 'security'))
    .flatMap((requirement) => (isTree(requirement) ? Object.entries(requirement) : []))
    .flatMap(([name, scopes]) => (withScopes(name) && Array.isArray(scopes) ? scopes : []))
    .filter((scope): scope is string => typeof scope === 'string');
}

function tryReadTree(text: string): unknown {
  if (/^\s*\{/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      // YAML in braces, perhaps.
    }
  }
  if (text.length > maxYamlBytes) return undefined;
  const { value, faults } = readYaml(text);
  return faults.length > 0 ? undefined : value;
}

/** The outline of an OpenAPI 3 document; undefined where `value` is none. */
export function tryOutlineApi(value: unknown): ApiOutline | undefined {
  if (!isTree(value) || typeof value.openapi !== 'string' || !/^3\.[0-9]/.test(value.openapi)) return undefined;
  const schemes = treeAt(value, 'components', 'securitySchemes');
  const base = basePath(value);
  const { title } = treeAt(value, 'info');
  const templates = Object.keys(treeAt(value, 'paths'));
  return {
    title: typeof title === 'string' ? title : undefined,
    paths: templates.map((path) => base + path),
    templates,
    scopes: new Set([...declaredScopes(schemes), ...requiredScopes(value, schemes)]),
  };
}

/** Reads an OpenAPI 3 document, YAML or JSON; undefined where it is none. */
export function tryReadApi(text: string): ApiOutline | undefined {
  return tryOutlineApi(tryReadTree(text));
}

/** What keeps `text`, of the file `name`, from being YAML or JSON, with its place; undefined where it is one of them. */
export function findApiFault(name: string, text: string): string | undefined {
  if (text.length > maxYamlBytes) return undefined;
  const [fault] = readYaml(text).faults;
  if (fault === undefined) return undefined;
  const before = text.slice(0, fault.span.from).split('\n');
  return `${name}:${before.length}:${(before.at(-1) as string).length + 1}: ${fault.message}`;
}
