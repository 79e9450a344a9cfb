import { checkEdgeKeys } from './edge.ts';
import { checkAcmeDomains, checkFiles } from './files.ts';
import type { Check } from './finding.ts';
import { checkIpLists } from './ip-list.ts';
import { checkCosts, checkCountedCallers, checkSharedLimits } from './limits.ts';
import { checkClientScopes, checkIssuers, checkRoles, checkServiceNames } from './references.ts';
import { checkDuplicateRoutes, checkPublicData, checkRoutesAgainstApis, checkScopeMethods } from './routes.ts';
import {
  checkCycles,
  checkPlainHttp,
  checkPlainSecrets,
  checkPorts,
  checkReachable,
  checkVariables,
} from './services.ts';
import { checkWaf } from './waf.ts';

/** What is held against the manifest as a whole, in the order in which it is reported for one place. */
export const checks: readonly Check[] = [
  checkServiceNames,
  checkRoles,
  checkIssuers,
  checkClientScopes,
  checkDuplicateRoutes,
  checkScopeMethods,
  checkRoutesAgainstApis,
  checkCountedCallers,
  checkCosts,
  checkSharedLimits,
  checkPublicData,
  checkEdgeKeys,
  checkPorts,
  checkVariables,
  checkFiles,
  checkIpLists,
  checkAcmeDomains,
  checkReachable,
  checkCycles,
  checkPlainSecrets,
  checkPlainHttp,
  checkWaf,
];
