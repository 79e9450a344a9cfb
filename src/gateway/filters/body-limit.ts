import type { Denial } from '../../api/record.ts';
import type { CompileFilter } from './filter.ts';

/** The largest body that the route takes. A length that is declared is refused at once, any other while it streams. */
export const bodyLimit: CompileFilter = ({ weaknesses }, { config, service }) => {
  if (weaknesses.has('http.body-limit')) return undefined;
  const { bodyBytes, source } = config;
  const tooLarge: Denial = {
    status: 413,
    reason: {
      filter: 'body-limit',
      code: 'gateway.body-too-large',
      message: 'the body is larger than this resource takes',
      rule: `${source}.bodyBytes`,
      claim: 'content-length',
      expected: `at most ${bodyBytes} bytes`,
      fixes: [`raise \`${source}.bodyBytes\`, or \`gateway.limits.bodyBytes\`, in the manifest`],
    },
  };
  // A stream of messages has no end that could be too far: each message has.
  if (service.protocol === 'grpc')
    return ({ request }) => {
      request.body.limitMessages(bodyBytes);
      return undefined;
    };
  return ({ request }) => (!request.body.present || request.body.limit(bodyBytes) ? undefined : tooLarge);
};
