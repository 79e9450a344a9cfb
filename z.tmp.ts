import { discoverManifest } from './src/manifest/discover/discover.ts';
import { checkManifest } from './src/manifest/load.ts';
import { formatProblems } from './src/manifest/problem.ts';
const d = discoverManifest(process.argv[2]!);
console.log(d.manifest); 
for (const f of d.findings) console.log(f.severity, f.code, f.place? f.place.file+':'+f.place.line:'', f.message);
console.log(formatProblems(checkManifest(process.argv[2]+'/merlon.yaml', d.manifest).problems));
