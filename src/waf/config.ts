import { mask } from './mask.ts';

/** Bounds of the engine; one place for defaults. */
export interface WafOptions {
  /** Arguments, parts, or nodes of a body at most; a body with more is an error that rules see. */
  readonly maxFields: number;
  readonly maxDepth: number;
  /** Bytes of a response that rules read. */
  readonly maxResponseBodyBytes: number;
  /** Media types of responses that rules read. */
  readonly responseBodyTypes: readonly string[];
  /** Tries every rule on every value, without a prefilter: what shortcuts are held against. */
  readonly exhaustive: boolean;
  /** How values appear in what is reported. */
  readonly mask: (value: string) => string;
}

export const defaultWafOptions: WafOptions = {
  maxFields: 1000,
  maxDepth: 64,
  maxResponseBodyBytes: 131_072,
  mask,
  exhaustive: false,
  responseBodyTypes: ['text/plain', 'text/html', 'text/xml', 'application/xml', 'application/json'],
};
