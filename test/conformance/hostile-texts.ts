// Texts that make a backtracking engine work the longest, derived from an expression: what leads to a loop, what the loop takes, many
// times, and an end that fits nothing, so that every way through would have to be tried.
import { hasByte } from '../../src/waf/regex/byte-set.ts';
import type { Node } from '../../src/waf/regex/syntax.ts';

const mostTexts = 24;
const tail = '\x00!';

function byteOf(node: Node & { kind: 'set' }, last: boolean): string {
  for (let count = 0; count < 256; count += 1) {
    // Printable ones first: they pass other sets, too.
    const byte = last ? (382 - count) % 256 : (33 + count) % 256;
    if (hasByte(node.set, byte)) return String.fromCharCode(byte);
  }
  return '';
}

/** A short text that the expression matches, as far as that can be told without looking around. */
function sampleOf(node: Node, last: boolean): string {
  switch (node.kind) {
    case 'set':
      return byteOf(node, last);
    case 'cat':
      return node.parts.map((part) => sampleOf(part, last)).join('');
    case 'alt': {
      const option = node.options.at(last ? -1 : 0);
      return option === undefined ? '' : sampleOf(option, last);
    }
    case 'repeat':
      return sampleOf(node.node, last).repeat(Math.min(Math.max(node.min, 1), node.max, 64));
    case 'group':
      return sampleOf(node.node, last);
    default:
      return '';
  }
}

function fill(lead: string, unit: string, bytes: number): string {
  if (unit === '') return '';
  const count = Math.ceil(bytes / unit.length);
  return (lead + unit.repeat(count)).slice(0, bytes - tail.length) + tail;
}

/** Pairs of what comes before, and what is said again and again. */
function* loops(node: Node, lead: string): Generator<readonly [lead: string, unit: string]> {
  switch (node.kind) {
    case 'cat': {
      let before = lead;
      for (const part of node.parts) {
        yield* loops(part, before);
        before += sampleOf(part, false);
      }
      break;
    }
    case 'alt':
      for (const option of node.options) yield* loops(option, lead);
      // Where options overlap, each of them is a way.
      yield [
        lead,
        node.options
          .slice(0, 8)
          .map((option) => sampleOf(option, false))
          .join(''),
      ];
      break;
    case 'repeat': {
      const [first, last] = [sampleOf(node.node, false), sampleOf(node.node, true)];
      yield* [[lead, first] as const, [lead, last] as const, [lead, first + last] as const];
      // The way to the loop over and over: every place may be the start.
      yield ['', lead + first];
      yield* loops(node.node, lead);
      break;
    }
    case 'group':
    case 'look':
      yield* loops(node.node, lead);
      break;
    default:
  }
}

/** At most 24 texts of `bytes` bytes. */
export function hostileTexts(node: Node, bytes: number): string[] {
  const whole = sampleOf(node, false);
  const pairs = [
    ['', whole] as const,
    ['', whole.slice(0, -1)] as const,
    ['', whole.slice(1)] as const,
    ...loops(node, ''),
  ];
  const texts = new Set(pairs.map(([lead, unit]) => fill(lead, unit, bytes)).filter((text) => text !== ''));
  const all = [...texts];
  const stride = Math.max(1, all.length / mostTexts);
  return Array.from({ length: Math.min(mostTexts, all.length) }, (_, at) => all[Math.floor(at * stride)]!);
}
