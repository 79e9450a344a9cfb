import { parse } from 'yaml';
import { MerlonError } from '../core/errors.ts';
import type { HeaderField } from './index.ts';
import { readRawRequests, type WrittenRequest } from './raw-request.ts';

const maxRequests = 100_000;

/**
 * Requests from the text of a file: HTTP as it stands on the wire, an HTTP archive (`.har`), or YAML: a list of requests,
 * or the form of the Core Rule Set's own tests. Throws `waf.bad-request-file`.
 */
export function readRequests(file: string, text: string): readonly WrittenRequest[] {
  const read = /\.har$/i.test(file) ? readHar : /\.ya?ml$/i.test(file) ? readYaml : readRawRequests;
  return read(file, text).slice(0, maxRequests);
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;

function bad(file: string, what: string): MerlonError {
  return new MerlonError({ code: 'waf.bad-request-file', message: `\`${file}\` is not ${what}` });
}

/** HTTP Archive 1.2: what browsers and proxies save. */
function readHar(file: string, text: string): WrittenRequest[] {
  const entries = listOf(fieldsOf(fieldsOf(tryParse(() => JSON.parse(text))).log).entries);
  if (entries.length === 0) throw bad(file, 'an HTTP archive with entries');
  return entries.map((entry, index) => {
    const request = fieldsOf(fieldsOf(entry).request);
    const headers = listOf(request.headers).flatMap((each): HeaderField[] => {
      const { name, value } = fieldsOf(each);
      // Pseudo-header fields of HTTP/2 are no fields.
      return typeof name === 'string' && !name.startsWith(':') ? [[name, textOf(value) ?? '']] : [];
    });
    const body = textOf(fieldsOf(request.postData).text);
    return written(`${file}#${index + 1}`, request.method, request.url, headers, body);
  });
}

function readYaml(file: string, text: string): WrittenRequest[] {
  const document: unknown = tryParse(() => parse(text, { maxAliasCount: 100 }));
  const tests = listOf(fieldsOf(document).tests);
  const inputs = tests.length > 0 ? tests.flatMap(stagesOf) : listOf(document);
  if (inputs.length === 0) throw bad(file, 'a list of requests');
  return inputs.map((input, index) => {
    const { method, uri, url, target, headers, data, body, name } = fieldsOf(input);
    const fields = Object.entries(fieldsOf(headers)).map(([key, value]): HeaderField => [key, textOf(value) ?? '']);
    const given = body ?? data;
    const content = typeof given === 'object' && given !== null ? JSON.stringify(given) : textOf(given);
    return written(textOf(name) ?? `${file}#${index + 1}`, method, uri ?? url ?? target, fields, content);
  });
}

/** The inputs of one test, in either form that the Core Rule Set has used. */
function stagesOf(test: unknown, index: number): Fields[] {
  const { test_id: id, test_title: title, stages } = fieldsOf(test);
  return listOf(stages).map((stage) => {
    const { input, stage: inner } = fieldsOf(stage);
    return { ...fieldsOf(input ?? fieldsOf(inner).input), name: `test ${textOf(title) ?? textOf(id) ?? index + 1}` };
  });
}

function written(
  name: string,
  method: unknown,
  target: unknown,
  headers: readonly HeaderField[],
  body: string | undefined,
): WrittenRequest {
  const request = { name, method: textOf(method) ?? 'GET', target: textOf(target) ?? '/', headers };
  return body === undefined || body === '' ? request : { ...request, body };
}

function tryParse(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return undefined;
  }
}
