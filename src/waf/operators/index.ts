import { networkOperators } from './networks.ts';
import { personalNumberOperators } from './numbers-of-people.ts';
import type { OperatorFactory } from './operator.ts';
import { phraseOperators } from './phrases.ts';
import { rx } from './rx.ts';
import { detectSqliOperator } from './sqli/detect-sqli.ts';
import { constantOperators, numberOperators, stringOperators } from './strings.ts';
import { validationOperators } from './validation.ts';
import { detectXssOperator } from './xss/detect-xss.ts';

/** By name in lower case. */
export const operators: ReadonlyMap<string, OperatorFactory> = new Map(
  Object.entries({
    rx,
    ...stringOperators,
    ...numberOperators,
    ...constantOperators,
    ...phraseOperators,
    ...networkOperators,
    ...validationOperators,
    ...personalNumberOperators,
    detectSQLi: detectSqliOperator,
    detectXSS: detectXssOperator,
  }).map(([name, factory]) => [name.toLowerCase(), factory]),
);

/** Operators that SecLang knows and this engine leaves out, with the reason. */
export const unsupportedOperators: ReadonlyMap<string, string> = new Map([
  ['rbl', 'rules make no network requests'],
  ['geolookup', 'there is no geographic database'],
  ['gsblookup', 'rules make no network requests'],
  ['inspectfile', 'rules start no programs'],
  ['fuzzyhash', 'there is no hash database'],
  ['validatedtd', 'documents are checked against the OpenAPI description'],
  ['validateschema', 'documents are checked against the OpenAPI description'],
  ['validatehash', 'responses are not rewritten'],
  ['rxglobal', 'what an expression captures first is kept; `@rx` matches the same'],
  ['rsub', 'rules do not change messages'],
  ['verifypgp', 'rules do not verify signatures'],
]);
