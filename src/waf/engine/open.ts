import { hasUnreadableCharset } from '../../core/charset.ts';
import { emptyBody, failedBody } from '../body/body.ts';
import { bodyProcessors, processorFor } from '../body/index.ts';
import type { MacroName } from '../language/macro.ts';
import { members } from './collections.ts';
import { headerOf, type WafRequest } from './message.ts';
import type { Transaction } from './model.ts';
import type { TransactionPlan } from './plan.ts';
import { txValue } from './store.ts';

/** Value of a variable inside a macro: the first that the name fits. */
function lookUp(transaction: Transaction, { collection, key, lowerKey }: MacroName): string {
  if (collection === 'TX') return txValue(transaction, lowerKey)?.text.raw ?? '';
  const all = members(transaction, collection);
  const value = key === '' ? all[0] : all.find((one) => one.lowerKey === lowerKey);
  return value?.text.raw ?? '';
}

export function openTransaction(request: WafRequest, plan: TransactionPlan): Transaction {
  const processor = processorFor(headerOf(request.headers, 'content-type')) ?? '';
  const transaction: Transaction = {
    request,
    requestBody: request.body,
    isBodyTruncated: request.bodyTruncated === true,
    clock: plan.clock,
    startedAt: plan.clock.now(),
    response: undefined,
    phase: 0,
    mode: plan.mode,
    limits: { maxFields: plan.maxFields, maxDepth: plan.maxDepth },
    isPinned: plan.isPinned,
    lists: [],
    phaseLists: [],
    groups: undefined,
    gathered: undefined,
    standing: plan.start,
    removed: [],
    removals: [],
    variables: new Map(),
    captures: 0,
    foreseen: plan.shortcuts === undefined ? undefined : 0,
    stores: undefined,
    processor,
    body: emptyBody,
    bodyText: '',
    responseBodyText: '',
    readsRequestBody: plan.readsRequestBody,
    readsResponseBody: plan.readsResponseBody,
    showsRequestBody: false,
    audits: true,
    matched: [],
    current: undefined,
    highestSeverity: 255,
    matches: [],
    interruption: undefined,
    wouldInterrupt: undefined,
    allowed: 'no',
    lookUp: (name) => lookUp(transaction, name),
    mask: plan.mask,
    memory: plan.memory,
  };
  return transaction;
}

const toBuffer = (body: Uint8Array): Buffer =>
  Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);

const toText = (body: Uint8Array): string => toBuffer(body).toString('latin1');

/** Has the processor that phase 1 settled on read the body. */
export function readBody(transaction: Transaction): void {
  const { request, requestBody } = transaction;
  if (!transaction.readsRequestBody || requestBody === undefined || requestBody.length === 0) return;
  transaction.bodyText = toText(requestBody);
  transaction.showsRequestBody ||= transaction.processor === 'URLENCODED';
  const process = bodyProcessors.get(transaction.processor);
  if (process === undefined) return;
  const contentType = headerOf(request.headers, 'content-type');
  const parsed = process(transaction.bodyText, contentType, transaction.limits);
  const fault = parsed.error ?? unreadable(transaction, contentType);
  transaction.body = fault === undefined ? parsed : failedBody(fault, parsed);
}

/** Why rules do not read the same as the program behind, although the body has the form that its type calls for. */
function unreadable({ isBodyTruncated, processor }: Transaction, contentType: string): string | undefined {
  if (isBodyTruncated) return 'the body is longer than the engine reads';
  return hasUnreadableCharset(contentType) ? `${processor}: its charset is not read` : undefined;
}

/** Takes in the body of the response, where its type is one of those that rules read. */
export function takeResponseBody(transaction: Transaction, plan: TransactionPlan, body: Uint8Array): void {
  const type = headerOf(transaction.response?.headers ?? [], 'content-type')
    .split(';', 1)[0]!
    .trim()
    .toLowerCase();
  if (!transaction.readsResponseBody || !plan.responseBodyTypes.includes(type)) return;
  transaction.responseBodyText = toText(body.subarray(0, plan.maxResponseBodyBytes));
}
