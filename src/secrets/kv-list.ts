import type { Store } from '../storage/index.ts';
import { secretsConfig } from './config.ts';
import { decodeJson, type KvMetadata } from './kv-record.ts';

const pageSize = 1_000;

/** Names directly below `prefix` (which ends in a slash), in order; what is below a folder is skipped over, not read. */
export async function listChildren(store: Store, prefix: string): Promise<readonly string[]> {
  const names: string[] = [];
  let after: string | undefined;
  while (names.length < secretsConfig.maxListed) {
    const entries = await store.list(prefix, { limit: pageSize, ...(after !== undefined && { after }) });
    for (const { key } of entries) {
      const rest = key.slice(prefix.length);
      const slash = rest.indexOf('/');
      const name = slash < 0 ? rest : rest.slice(0, slash + 1);
      if (names.at(-1) !== name) names.push(name);
    }
    if (entries.length < pageSize) break;
    const last = names.at(-1) ?? '';
    // No path has such a character: this is behind everything in the folder.
    after = last.endsWith('/') ? `${prefix}${last}\uffff` : `${prefix}${last}`;
  }
  return names.slice(0, secretsConfig.maxListed);
}

/** Paths of the secrets below `folder` whose newest version can be read. */
export async function listPaths(store: Store, root: string, folder: string): Promise<readonly string[]> {
  const paths: string[] = [];
  let after: string | undefined;
  for (;;) {
    const entries = await store.list(root + folder, { limit: pageSize, ...(after !== undefined && { after }) });
    for (const entry of entries) {
      const { current, versions } = decodeJson<KvMetadata>(entry);
      const newest = versions[current];
      if (newest !== undefined && newest.deletedMs === undefined && newest.destroyed !== true) {
        paths.push(entry.key.slice(root.length));
      }
    }
    after = entries.at(-1)?.key;
    if (entries.length < pageSize || paths.length >= secretsConfig.maxListed) return paths;
  }
}
