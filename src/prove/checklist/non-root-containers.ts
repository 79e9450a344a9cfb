import { composeFiles, imageFiles, kubernetesFiles } from './ci-files.ts';
import { assessed, type ChecklistItem, count, doesNotApply, type Facts, type Gap } from './item.ts';
import type { ProjectFile } from './project-files.ts';

/** 7. No workload runs as root. */
export const nonRootContainers: ChecklistItem = {
  id: 'non-root',
  title: 'Containers and processes without root',
  assess: (facts) => {
    const images = imageFiles(facts);
    const pods = kubernetesFiles(facts);
    const isContained = images.length + pods.length + composeFiles(facts).length > 0;
    const gaps = [...images.flatMap(imageGap), ...pods.flatMap(podGap), ...rootGap(facts)];
    if (!isContained && gaps.length === 0)
      return doesNotApply('the project has no containers; the user who runs Merlon here is not root');
    return assessed(
      [`${count(images.length, 'image')} and ${count(pods.length, 'file')} with Kubernetes objects looked at`],
      gaps,
    );
  },
};

/** The user of the last stage decides. */
function imageGap(file: ProjectFile): Gap[] {
  const lines = file.text().split('\n');
  const stage = lines.slice(lines.findLastIndex((line) => /^\s*FROM\s/i.test(line)));
  const user = stage
    .findLast((line) => /^\s*USER\s/i.test(line))
    ?.trim()
    .split(/\s+/)[1];
  const base = stage[0] ?? '';
  if ((user !== undefined && !/^(?:root|0)(?::|$)/.test(user)) || (user === undefined && base.includes('nonroot')))
    return [];
  return [
    {
      what: `${file.path} runs as ${user ?? 'root, for it names no user'}`,
      fix: 'add `USER 10001` to its last stage',
      owner: 'developer',
      effort: 'minutes',
      decisive: true,
    },
  ];
}

function podGap(file: ProjectFile): Gap[] {
  const text = file.text();
  if (!/^kind:\s*(?!NetworkPolicy)/m.test(text) || /runAsNonRoot:\s*true/.test(text)) return [];
  return [
    {
      what: `${file.path} does not say \`runAsNonRoot\``,
      fix: 'add `securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }`',
      owner: 'platform',
      effort: 'minutes',
    },
  ];
}

function rootGap({ isRoot, manifest: { services } }: Facts): Gap[] {
  if (!isRoot || !Object.values(services).some(({ run }) => run !== undefined)) return [];
  return [
    {
      what: 'whoever runs Merlon here is root, and so are the services that it starts',
      fix: 'run it as a user of its own',
      owner: 'platform',
      effort: 'minutes',
    },
  ];
}
