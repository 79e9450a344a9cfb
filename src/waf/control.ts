/**
 * What the command line alone runs, and the data plane need not load: requests from files, and tuning.
 * @module
 */
export { attackCorpus } from './corpus.ts';
export { toWafRequest, type WrittenRequest } from './raw-request.ts';
export { readRequests } from './request-files.ts';
export {
  exclusionOf,
  type FalseAlarm,
  type HarmlessRequest,
  type Proposal,
  proposeExclusions,
  type Tuning,
} from './tune.ts';
