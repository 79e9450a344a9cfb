import type { ResponseDeclaration } from '../../api/openapi.ts';
import { isObject } from '../json.ts';
import { warnUnknownKeys } from './known-keys.ts';
import { at, type Loading, type Place, problem, warning } from './loading.ts';
import { readContent } from './media.ts';
import { readHeaders } from './parameters.ts';
import { dereference } from './reference.ts';

const status = /^(?:[1-5]\d\d|[1-5]XX|default)$/;

/** The declared answers of an operation, exact statuses first. */
export function readResponses(load: Loading, value: unknown, place: Place): readonly ResponseDeclaration[] {
  if (!isObject(value)) {
    warning(load, 'openapi.no-response', place, 'no response is declared, so none can be checked');
    return [];
  }
  const list: ResponseDeclaration[] = [];
  for (const [code, item] of Object.entries(value)) {
    if (code.startsWith('x-')) continue;
    const here = at(place, code);
    if (!status.test(code)) {
      problem(
        load,
        'openapi.shape',
        here,
        `\`${code.slice(0, 40)}\` is not a status`,
        'write a code such as `200`, a range such as `4XX`, or `default`',
      );
      continue;
    }
    const found = dereference(load, item, here);
    if (found === undefined) continue;
    warnUnknownKeys(load, 'response', found.value, found.place);
    const content =
      found.value.content === undefined ? [] : readContent(load, found.value.content, at(found.place, 'content'));
    list.push({ status: code, headers: readHeaders(load, found.value.headers, at(found.place, 'headers')), content });
  }
  return list;
}
