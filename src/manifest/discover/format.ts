import type { DiscoveryFinding } from './facts.ts';

/** Findings as text for a terminal, a line each. */
export function formatFindings(findings: readonly DiscoveryFinding[]): string {
  return findings
    .map(
      ({ severity, code, message, place }) =>
        `${place === undefined ? '' : `${place.file}:${place.line}: `}${severity}: ${message} [${code}]`,
    )
    .map((line) => `${line.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '·')}\n`)
    .join('');
}
