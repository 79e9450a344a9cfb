import type { Denial } from '../../api/record.ts';
import type { CompileFilter } from './filter.ts';

const encodedSlash: Denial = {
  status: 400,
  reason: {
    filter: 'normalise',
    code: 'gateway.encoded-slash',
    message: 'the path holds an encoded slash',
    claim: 'path',
    fixes: ['set `encodedSlashes: true` on the route, if its service expects `%2F` in a path segment'],
  },
};

/** Methods and encoded slashes: whatever the route does not state is refused before anything else looks at it. */
export const normalise: CompileFilter = ({ weaknesses }, { config }) => {
  const methods =
    config.methods === undefined
      ? undefined
      : new Set([...config.methods, ...(config.cors === undefined ? [] : ['OPTIONS'])]);
  const checksSlashes = !config.encodedSlashes && !weaknesses.has('http.path-normalisation');
  const refused: Denial | undefined = methods && {
    status: 405,
    headers: { allow: [...methods].join(', ') },
    reason: {
      filter: 'normalise',
      code: 'gateway.method',
      message: 'the method is not allowed here',
      rule: `${config.source}.methods`,
      claim: 'method',
      expected: [...methods].join(', '),
      fixes: [`add the method to \`${config.source}.methods\` (or \`scopes\`) in the manifest`],
    },
  };
  return ({ request }) => {
    if (checksSlashes && request.hasEncodedSlash) return encodedSlash;
    return methods === undefined || methods.has(request.method) ? undefined : refused;
  };
};
