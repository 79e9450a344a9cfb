import type { Path } from '../problem.ts';
import type { IpListEntry } from '../schema/edge.ts';
import { tryParseNetwork } from '../schema/networks.ts';
import { readNamed } from './files.ts';
import { type CheckInput, error, type Finding } from './finding.ts';

/** Largest file of networks, in bytes: room for half a million. */
export const maxIpListBytes = 16 * 1024 * 1024;

const maxFaults = 20;

/** What a file of networks says. */
export interface IpList {
  /** As written, in the order of the file. */
  readonly networks: readonly string[];
  /** Lines that are no network; at most twenty. */
  readonly faults: readonly { readonly line: number; readonly text: string }[];
}

/** Reads one network or address a line. What follows `#` or `;` is a comment, empty lines mean nothing. */
export function readIpList(text: string): IpList {
  const networks: string[] = [];
  const faults: { line: number; text: string }[] = [];
  let line = 0;
  for (const written of text.split('\n')) {
    line++;
    const entry = written.replace(/[#;].*$/, '').trim();
    if (entry === '') continue;
    if (tryParseNetwork(entry) !== undefined) networks.push(entry);
    else if (faults.length < maxFaults) faults.push({ line, text: entry.slice(0, 64) });
  }
  return { networks, faults };
}

/** Every file of networks is there, and each of its lines is a network. */
export function checkIpLists(input: CheckInput): Finding[] {
  const { gateway } = input.draft;
  const lists: [Path, readonly IpListEntry[]][] = [
    [['gateway', 'ipAllow'], gateway?.ipAllow ?? []],
    [['gateway', 'ipDeny'], gateway?.ipDeny ?? []],
    [['gateway', 'scanners', 'friendly'], gateway?.scanners?.friendly ?? []],
  ];
  return lists.flatMap(([path, entries]) =>
    entries.flatMap((entry, at) => ('file' in entry ? checkFile(input, entry.file, [...path, at, 'file']) : [])),
  );
}

function checkFile(input: CheckInput, name: string, path: Path): Finding[] {
  const text = readNamed(input, name, path, maxIpListBytes);
  if (typeof text !== 'string') return [text];
  return readIpList(text).faults.map((fault) =>
    error(
      'manifest.bad-network',
      path,
      `${name}:${fault.line}: \`${fault.text}\` is not a network or address`,
      'write one a line, as `203.0.113.7`, `10.0.0.0/8` or `2001:db8::/32`',
    ),
  );
}
