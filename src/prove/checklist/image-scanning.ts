import { imageFiles, pipelineFiles, toolsInPipelines } from './ci-files.ts';
import { assessed, type ChecklistItem, count, doesNotApply, some } from './item.ts';

const scanners = ['trivy', 'grype', 'docker scout', 'docker/scout-action', 'snyk container', 'anchore', 'clair'];

/** 6. Images are searched for known holes before they run. */
export const imageScanning: ChecklistItem = {
  id: 'images',
  title: 'Container images scanned in CI',
  assess: (facts) => {
    const images = imageFiles(facts);
    if (images.length === 0) return doesNotApply('the project builds no container images');
    const found = toolsInPipelines(facts, scanners);
    const evidence = [
      `${count(images.length, 'image')}: ${some(images.map(({ path }) => path))}`,
      `${count(pipelineFiles(facts).length, 'pipeline')} in the project`,
      ...found.map(({ tool, path }) => `${path} runs ${tool}`),
    ];
    return assessed(
      evidence,
      found.length > 0
        ? []
        : [
            {
              what: 'no pipeline scans the images; Merlon does not scan images in this version',
              fix: 'add a step that fails on critical findings, such as `trivy image --exit-code 1 --severity CRITICAL,HIGH <image>`',
              owner: 'platform',
              effort: 'hours',
              decisive: true,
            },
          ],
    );
  },
};
