type CedarWasm = typeof import('@cedar-policy/cedar-wasm/nodejs');

let loading: Promise<CedarWasm> | undefined;

/** The official parser and validator. Loaded on first use (some 50 MB), so that a gateway never holds it. */
export function loadCedar(): Promise<CedarWasm> {
  return (loading ??= import('@cedar-policy/cedar-wasm/nodejs'));
}

export type { CedarWasm };
