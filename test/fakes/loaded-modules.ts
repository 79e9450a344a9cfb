// Loaded with `--import`: tells at the end, on standard error, which files this process has loaded, and which parts of Node.
import { registerHooks } from 'node:module';

const files: string[] = [];
registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:')) files.push(url);
    return next(url, context);
  },
});
process.once('exit', () => {
  const { moduleLoadList } = process as unknown as { readonly moduleLoadList: readonly string[] };
  process.stderr.write(JSON.stringify({ files, builtIn: moduleLoadList }));
});
