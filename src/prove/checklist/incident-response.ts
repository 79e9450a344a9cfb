import { assessed, type ChecklistItem, some } from './item.ts';

const plans = /(?:^|\/)(?:docs?\/)?(?:[\w-]*incident[\w-]*|[\w-]*runbooks?[\w-]*)(?:\/[^/]+)?\.(?:md|adoc|rst|txt)$/i;
const contacts = /(?:^|\/)(?:SECURITY|security)\.(?:md|txt)$/;
const shortestPlan = 500;

/** 12. It is written down who does what when something has happened. */
export const incidentResponse: ChecklistItem = {
  id: 'incidents',
  title: 'Incident response plan',
  assess: ({ files }) => {
    const found = files.matching(plans);
    const whole = found.filter((file) => file.text().length >= shortestPlan).map(({ path }) => path);
    const contact = files.matching(contacts).map(({ path }) => path);
    const evidence = [
      ...(whole.length > 0 ? [`plans: ${some(whole)} (what they say was not judged)`] : []),
      ...(contact.length > 0 ? [`where to report holes: ${some(contact)}`] : []),
      'means: revoke a user (`merlon users password`), find what happened (`merlon audit query`), show that records are whole (`merlon audit verify`)',
    ];
    if (whole.length > 0) return assessed(evidence, []);
    const what =
      found.length > 0
        ? `${some(found.map(({ path }) => path))} holds hardly anything`
        : 'there is no plan in the project';
    return assessed(evidence, [
      {
        what,
        fix: 'write docs/incident-response.md: who is called, how access is withdrawn, which records are kept, who is told',
        owner: 'security',
        effort: 'hours',
        decisive: contact.length === 0,
      },
    ]);
  },
};
