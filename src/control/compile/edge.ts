import { deflateRawSync } from 'node:zlib';
import type { Deprecation, NetworkLists, PackedNetworks, ScannerRules } from '../../api/edge.ts';
import type { GraphqlLimits } from '../../api/openapi.ts';
import type { IpListEntry, Manifest, Route } from '../../manifest/index.ts';

/** The networks of files, by the name that the manifest gives them. */
export type IpLists = ReadonlyMap<string, readonly string[]>;

/** The networks that `entries` list, those of files packed. */
export function compileNetworks(entries: readonly IpListEntry[], lists: IpLists): NetworkLists {
  return {
    networks: entries.flatMap((entry) => ('file' in entry ? [] : [entry.text])),
    files: entries.flatMap((entry) => ('file' in entry ? [packNetworks(entry.file, lists.get(entry.file) ?? [])] : [])),
  };
}

/** In order, so that the same networks make the same snapshot, and neighbours shrink to little. */
function packNetworks(file: string, networks: readonly string[]): PackedNetworks {
  const distinct = [...new Set(networks)].sort();
  return { file, count: distinct.length, packed: deflateRawSync(distinct.join('\n')).toString('base64') };
}

export function compileScanners(scanners: Manifest['gateway']['scanners'], lists: IpLists): ScannerRules | undefined {
  if (scanners === undefined || scanners.mode === 'off') return undefined;
  const { mode, rate, failures, share, halfLife, honeypots, friendly } = scanners;
  return {
    mode,
    count: rate.count,
    periodMs: rate.periodMs,
    rate: rate.text,
    failures,
    share,
    halfLifeMs: halfLife,
    honeypots,
    friendly: compileNetworks(friendly, lists),
  };
}

export function compileGraphqlLimits(graphql: Route['graphql']): GraphqlLimits | undefined {
  return (
    graphql && {
      maxDepth: graphql.depth,
      maxAliases: graphql.aliases,
      maxCost: graphql.cost,
      maxDirectives: graphql.directives,
      maxTokens: graphql.tokens,
      maxBatch: graphql.batch,
      introspection: graphql.introspection,
    }
  );
}

export function compileDeprecation(deprecated: Route['deprecated']): Deprecation | undefined {
  if (deprecated === undefined) return undefined;
  const { since, sunset, successor, info, after } = deprecated;
  return {
    sinceMs: Date.parse(since),
    sunsetMs: sunset === undefined ? undefined : Date.parse(sunset),
    successor,
    info,
    refuses: after === 'refuse',
  };
}
