import { type Attack, gotThrough, inconclusive, notApplicable, stopped } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { nameOf } from '../places.ts';
import { askRightfully, faultOfSuccess } from '../probes.ts';
import { bodyOf, type OpenPlace, personA, rightful } from '../survey.ts';

const mostPlaces = 3;

/** Operations with masked answers, and a caller who may read them but not what is masked. */
function maskedPlaces({ survey }: ProveContext): OpenPlace[] {
  return [...survey.ownedReads, ...survey.reads].filter(({ place: { route }, roles }) => {
    const { mask } = route;
    return mask !== undefined && !mask.unless.some((role) => roles.includes(role));
  });
}

const maskedField: Attack = {
  id: 'leak.masked-field',
  title: 'a sensitive field, read by a caller without the role to see it',
  protection: 'response.mask',
  severity: 'high',
  standards: ['CWE-200', 'OWASP API3:2023'],
  plan: (context) => {
    const places = maskedPlaces(context).slice(0, mostPlaces);
    if (places.length === 0) return notApplicable('no answer that a probe may read has masked fields');
    // Whose profile or order there is: probes have made it before.
    const subject = personA;
    return places.map((open) => ({
      place: nameOf(open.place),
      control: () => askRightfully(context, open, subject),
      controlFault: faultOfSuccess,
      attack: async () => context.edge(await rightful(context, open, subject)),
      judge: (attack) => {
        const { readable, hidden } = context.target.countMasked(open.place.route, open.place.operation, bodyOf(attack));
        if (readable > 0) return gotThrough(`${readable} masked fields can be read`);
        if (hidden === 0) return inconclusive('the answer holds none of the masked fields');
        return stopped(`${hidden} fields are masked`);
      },
    }));
  },
};

export const leakAttacks: readonly Attack[] = [maskedField];
