import { tokenAlgorithms } from '../../api/authn.ts';
import { assessed, type ChecklistItem, count, type Gap } from './item.ts';

/** 3. Tokens are verified: signature, issuer, audience, time, type. */
export const jwtVerification: ChecklistItem = {
  id: 'jwt',
  title: 'JWT signature and claims verified',
  assess: ({ manifest: { routes, issuers, audience } }) => {
    const forwarding = routes.filter(({ forwardAuthorization }) => forwardAuthorization);
    const verified = routes.filter(({ auth }) => auth !== 'public');
    const evidence = [
      `signature, issuer, audience, expiry and type are checked on ${count(verified.length, 'route')}; no option turns it off`,
      `asymmetric algorithms alone: ${tokenAlgorithms.join(', ')}`,
      `audience of the embedded issuer: ${audience}; ${count(issuers.length, 'issuer')} trusted`,
      'services receive verified identity fields instead of the token',
      'test it: `merlon prove --only token`',
    ];
    return assessed(
      evidence,
      forwarding.map(
        ({ path, service }): Gap => ({
          what: `${path} hands the caller's token on to ${service}, which could use it elsewhere`,
          fix: `remove \`forwardAuthorization\` from the route ${path}`,
          owner: 'developer',
          effort: 'hours',
        }),
      ),
    );
  },
};
