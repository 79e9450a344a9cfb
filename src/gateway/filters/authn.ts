import { isDenial } from '../../authn/index.ts';
import type { CompileFilter } from './filter.ts';

/** Who calls. Routes that are public look at no credential at all. */
export const authn: CompileFilter = ({ authn }, { config }) => {
  const demand = config.auth;
  if (demand === 'public') return undefined;
  return (exchange) => {
    const result = authn.authenticate(exchange.request.headers, demand, exchange.request.query);
    if (isDenial(result)) return result;
    exchange.caller = result;
    return undefined;
  };
};
