import type { Operation, Parameter } from '../../api/openapi.ts';
import { documentLimits } from '../config.ts';
import { isObject, type JsonObject } from '../json.ts';
import { parseTemplate } from '../match/template.ts';
import { warnUnknownKeys } from './known-keys.ts';
import { at, type Loading, type Place, problem, rootOf, warning } from './loading.ts';
import { readRequestBody } from './media.ts';
import { parameterKey, readParameters } from './parameters.ts';
import { dereference } from './reference.ts';
import { readResponses } from './responses.ts';
import { readSecurity } from './security.ts';

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const;

/** What holds for a whole path, or the whole document. */
interface Surroundings {
  readonly template: string;
  readonly names: ReadonlySet<string>;
  readonly parameters: readonly Parameter[];
  readonly dataClasses: readonly string[];
  readonly document: JsonObject;
}

/** Every operation of the document at `document`. */
export function readOperations(load: Loading, document: JsonObject): readonly Operation[] {
  const place = at(rootOf(load.entry), 'paths');
  if (document.paths === undefined && load.version === '3.1') return [];
  if (!isObject(document.paths))
    return problem(load, 'openapi.shape', place, '`paths` must be a map of path templates') ?? [];
  const operations: Operation[] = [];
  const templates = new Map<string, string>();
  for (const [template, item] of Object.entries(document.paths)) {
    if (template.startsWith('x-')) continue;
    operations.push(...readPath(load, template, item, at(place, template), templates, document));
  }
  if (operations.length > documentLimits.operations)
    problem(load, 'openapi.too-large', place, `more than ${documentLimits.operations} operations`);
  return operations;
}

function readPath(
  load: Loading,
  template: string,
  item: unknown,
  place: Place,
  templates: Map<string, string>,
  document: JsonObject,
): Operation[] {
  const found = dereference(load, item, place);
  const parsed = parseTemplate(template);
  if ('fault' in parsed) {
    problem(load, 'openapi.path-template', place, `\`${template.slice(0, 100)}\` ${parsed.fault}`);
    return [];
  }
  if (found === undefined) return [];
  checkTwins(load, parsed.shape, template, found.value, place, templates);
  warnUnknownKeys(load, 'pathItem', found.value, found.place);
  warnServers(load, found.value, found.place);
  const surroundings: Surroundings = {
    template,
    names: new Set(parsed.names),
    parameters: readParameters(load, found.value.parameters, at(found.place, 'parameters')),
    dataClasses: [...classesOf(load, document, rootOf(load.entry)), ...classesOf(load, found.value, found.place)],
    document,
  };
  return methods.flatMap((method) => {
    const source = found.value[method];
    if (source === undefined) return [];
    if (!isObject(source))
      return problem(load, 'openapi.shape', at(found.place, method), 'an operation must be an object') ?? [];
    return [readOperation(load, method.toUpperCase(), source, at(found.place, method), surroundings)];
  });
}

/** Two templates that match the same paths: an error where they share a method, else worth a word (section 4.8.8.2 forbids it, many do it). */
function checkTwins(
  load: Loading,
  shape: string,
  template: string,
  item: JsonObject,
  place: Place,
  templates: Map<string, string>,
): void {
  const taken = methods.filter((method) => item[method] !== undefined).map((method) => `${method} ${shape}`);
  const clash = taken.find((key) => templates.has(key));
  const twin = templates.get(clash ?? shape);
  const sentence = `\`${template}\` matches the same paths as \`${twin}\``;
  if (clash !== undefined) problem(load, 'openapi.path-conflict', place, sentence, 'keep one of the two');
  else if (twin !== undefined) warning(load, 'openapi.split-path', place, sentence, 'write one path with all methods');
  for (const key of [shape, ...taken]) if (!templates.has(key)) templates.set(key, template);
}

function readOperation(load: Loading, method: string, source: JsonObject, place: Place, path: Surroundings): Operation {
  warnUnknownKeys(load, 'operation', source, place);
  warnServers(load, source, place);
  const parameters = mergeParameters(path.parameters, readParameters(load, source.parameters, at(place, 'parameters')));
  checkPathParameters(load, parameters, path, place);
  const body = readRequestBody(load, source.requestBody, at(place, 'requestBody'));
  const sunset = readSunset(load, source, place);
  return {
    id:
      typeof source.operationId === 'string' && source.operationId !== ''
        ? source.operationId
        : `${method} ${path.template}`,
    method,
    template: path.template,
    parameters,
    ...(body === undefined ? {} : { body }),
    responses: readResponses(load, source.responses, at(place, 'responses')),
    ...operationSecurity(load, source, place, path.document),
    deprecated: source.deprecated === true,
    ...(sunset === undefined ? {} : { sunset }),
    dataClasses: [...new Set([...path.dataClasses, ...classesOf(load, source, place)])],
  };
}

function operationSecurity(load: Loading, source: JsonObject, place: Place, document: JsonObject) {
  const root = rootOf(load.entry);
  const components = isObject(document.components) ? document.components : {};
  const schemes = isObject(components.securitySchemes) ? components.securitySchemes : {};
  const schemesPlace = at(at(root, 'components'), 'securitySchemes');
  return source.security === undefined
    ? readSecurity(load, document.security, at(root, 'security'), schemes, schemesPlace)
    : readSecurity(load, source.security, at(place, 'security'), schemes, schemesPlace);
}

function mergeParameters(path: readonly Parameter[], operation: readonly Parameter[]): readonly Parameter[] {
  const merged = new Map(path.map((parameter) => [parameterKey(parameter), parameter]));
  for (const parameter of operation) merged.set(parameterKey(parameter), parameter);
  return [...merged.values()];
}

function checkPathParameters(load: Loading, parameters: readonly Parameter[], path: Surroundings, place: Place): void {
  const declared = new Set(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name));
  for (const name of path.names) {
    if (!declared.has(name))
      problem(
        load,
        'openapi.path-parameter',
        place,
        `\`{${name}}\` of the path is not declared`,
        `add a parameter \`${name}\` with \`in: path\``,
      );
  }
  for (const name of declared) {
    if (!path.names.has(name))
      problem(
        load,
        'openapi.path-parameter',
        place,
        `the path parameter \`${name}\` does not occur in \`${path.template}\``,
      );
  }
}

function classesOf(load: Loading, source: JsonObject, place: Place): readonly string[] {
  const classes = source['x-merlon-data'];
  if (classes === undefined) return [];
  if (Array.isArray(classes) && classes.every((name) => typeof name === 'string')) return classes as string[];
  return (
    problem(
      load,
      'openapi.shape',
      at(place, 'x-merlon-data'),
      '`x-merlon-data` must be a list of names',
      'such as [pii, payment]',
    ) ?? []
  );
}

function readSunset(load: Loading, source: JsonObject, place: Place): string | undefined {
  const sunset = source['x-sunset'];
  if (sunset === undefined) return undefined;
  if (typeof sunset === 'string' && /^\d{4}-\d\d-\d\d/.test(sunset) && !Number.isNaN(Date.parse(sunset))) return sunset;
  return problem(load, 'openapi.shape', at(place, 'x-sunset'), '`x-sunset` must be a date', 'such as 2027-03-31');
}

function warnServers(load: Loading, source: JsonObject, place: Place): void {
  if (source.servers !== undefined)
    warning(load, 'openapi.ignored', at(place, 'servers'), 'only the servers of the whole document count');
}
