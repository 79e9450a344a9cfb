import { isObject, type JsonObject, own } from '../json.ts';
import { at, type Loading, type Place, problem, rootOf } from './loading.ts';

/** The paths of the document's servers, with the defaults of their variables, without a trailing slash. */
export function basePathsOf(load: Loading, document: JsonObject): readonly string[] {
  if (!Array.isArray(document.servers) || document.servers.length === 0) return [''];
  const place = at(rootOf(load.entry), 'servers');
  const paths = document.servers.map((server, index) => basePathOf(load, server, at(place, index)));
  return [...new Set(paths)];
}

function basePathOf(load: Loading, server: unknown, place: Place): string {
  if (!isObject(server) || typeof server.url !== 'string')
    return problem(load, 'openapi.shape', place, 'a server must have a `url`') ?? '';
  const variables = isObject(server.variables) ? server.variables : {};
  const url = server.url.replace(/\{([^{}]{1,100})\}/g, (_whole, name: string) => {
    const variable = own(variables, name);
    return isObject(variable) ? String(variable.default) : '';
  });
  try {
    // A relative URL is resolved against wherever the document is served; only its path matters here.
    return new URL(url, 'http://document.invalid/').pathname.replace(/\/$/, '');
  } catch {
    return problem(load, 'openapi.shape', at(place, 'url'), `\`${url.slice(0, 100)}\` is not a URL`) ?? '';
  }
}
