import type { Facts } from './item.ts';
import type { ProjectFile } from './project-files.ts';

const pipelines =
  /(?:^|\/)(?:\.github\/workflows\/[^/]+\.ya?ml|\.gitlab-ci\.yml|Jenkinsfile|azure-pipelines\.yml|\.circleci\/config\.yml|bitbucket-pipelines\.yml|\.woodpecker(?:\/[^/]+)?\.ya?ml|\.forgejo\/workflows\/[^/]+\.ya?ml)$/;

/** Descriptions of CI pipelines. */
export function pipelineFiles({ files }: Facts): readonly ProjectFile[] {
  return files.matching(pipelines);
}

const dockerfiles = /(?:^|\/)(?:Dockerfile|Containerfile)(?:\.[\w-]+)?$|\.dockerfile$/;

export function imageFiles({ files }: Facts): readonly ProjectFile[] {
  return files.matching(dockerfiles);
}

/** Compose files. */
export function composeFiles({ files }: Facts): readonly ProjectFile[] {
  return files.matching(/(?:^|\/)(?:docker-)?compose(?:\.[\w-]+)?\.ya?ml$/);
}

/** YAML files that hold Kubernetes objects. */
export function kubernetesFiles({ files }: Facts): readonly ProjectFile[] {
  return files
    .matching(/\.ya?ml$/)
    .filter((file) =>
      /^kind:\s*(?:Deployment|StatefulSet|DaemonSet|Pod|CronJob|Job|NetworkPolicy)\s*$/m.test(file.text()),
    );
}

/** The tools of `known` that some pipeline calls, with the file that does. */
export function toolsInPipelines(
  facts: Facts,
  known: readonly string[],
): { readonly tool: string; readonly path: string }[] {
  return pipelineFiles(facts).flatMap((file) => {
    const text = file.text().toLowerCase();
    return known.filter((tool) => text.includes(tool)).map((tool) => ({ tool, path: file.path }));
  });
}
