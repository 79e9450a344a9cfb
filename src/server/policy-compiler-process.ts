// The process of `policy-compiler.ts`: reads one compilation, writes what came of it, ends.
import { json } from 'node:stream/consumers';
import { compileGatewayPolicies } from '../policy/control.ts';
import type { PolicyCompilation } from './policy-compiler.ts';

const { model, files, weaknesses } = (await json(process.stdin)) as PolicyCompilation;
process.stdout.write(JSON.stringify(await compileGatewayPolicies({ model, files }, new Set(weaknesses))));
