import type { Upstream, UpstreamOptions } from './upstream-options.ts';

/** A group of endpoints. */
export declare function createUpstream(options: UpstreamOptions): Upstream;
