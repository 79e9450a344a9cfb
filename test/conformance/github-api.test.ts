// A real document, larger than most: GitHub's description of its REST API loads in time, and every operation of it takes
// a request that is made up from it and refuses one that is not.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OpenApiDocument } from '../../src/api/openapi.ts';
import { createSampler, loadOpenApi, type SampleRequest } from '../../src/openapi/control.ts';
import { type ApiValidator, compileOpenApi } from '../../src/openapi/index.ts';
import { githubApi } from '../fakes/github-api.ts';

const file = githubApi();

describe.skipIf(file === undefined)(
  'the description of GitHub’s REST API (needs npm to reach @octokit/openapi)',
  () => {
    let document: OpenApiDocument;
    let api: ApiValidator;

    beforeAll(() => {
      const path = file as string;
      document = loadOpenApi(path, (each) => readFileSync(each, 'utf8'), { root: dirname(path) });
      api = compileOpenApi(document);
    });

    it('loads below two seconds of processor time', () => {
      const path = file as string;
      const before = process.cpuUsage();
      loadOpenApi(path, (each) => readFileSync(each, 'utf8'), { root: dirname(path) });
      const { user, system } = process.cpuUsage(before);
      expect(document.operations.length).toBeGreaterThan(1000);
      expect((user + system) / 1000).toBeLessThan(2000);
    });

    const judge = (request: SampleRequest): string | undefined => {
      const match = api.match(request.method, request.path);
      if (match.kind !== 'match') return api.checkDeclared(match)?.reason.code;
      const type = request.headers['content-type'];
      const denial =
        api.checkParameters(match.operation, {
          rawParams: match.rawParams,
          query: request.query,
          header: (name) => request.headers[name],
          cookie: undefined,
        }) ??
        api.checkContentType(match.operation, type, request.body !== undefined) ??
        (request.body === undefined ? undefined : api.checkBody(match.operation, type, Buffer.from(request.body)));
      return denial?.reason.code;
    };

    it('takes a made-up request of each operation, and no field or parameter beside', async () => {
      const sampler = await createSampler(document);
      const faults: string[] = [];
      let asked = 0;
      for (const operation of document.operations) {
        const request = sampler.sampleRequest(operation);
        if (request === undefined) continue;
        asked++;
        const refused = judge(request);
        if (refused !== undefined) faults.push(`${operation.id}: ${refused}`);
        const query = request.query === '' ? 'merlonUnknown=1' : `${request.query}&merlonUnknown=1`;
        if (judge({ ...request, query }) !== 'openapi.unknown-parameter')
          faults.push(`${operation.id}: unknown parameter`);
      }
      expect(faults).toEqual([]);
      expect(asked).toBeGreaterThan(1000);
    }, 60_000);
  },
);
