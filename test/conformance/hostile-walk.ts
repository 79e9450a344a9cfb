// The worst text for an automaton that is built while it runs: at each byte one that leads to a state it has not been in, and that no match
// begins with. Whoever writes it knows the rules and this engine.
import { createMoves, hasMatched, type Moves, noneBefore } from '../../src/waf/regex/moves.ts';
import { defaultFlags, parseRegex } from '../../src/waf/regex/parse.ts';
import { compileProgram } from '../../src/waf/regex/program.ts';
import { createRanking, type Ranking } from '../../src/waf/regex/ranking.ts';
import { isAnchored, loosen } from '../../src/waf/regex/syntax.ts';

interface Automaton {
  readonly moves: Moves;
  readonly ranking: Ranking | undefined;
  readonly anchored: boolean;
  readonly samples: readonly number[];
  readonly stamp: Uint32Array;
}

interface State {
  readonly places: readonly number[];
  readonly before: number;
  readonly key: string;
}

/** The state after a byte of the class; undefined where that is a match, or the end of all hope for one. */
function after({ moves, ranking, anchored, stamp }: Automaton, from: State, kind: number): State | undefined {
  const reached = new Set<number>();
  for (const place of from.places) {
    const found = moves.over(place, kind, from.before);
    if (found === hasMatched) return undefined;
    for (const one of found) reached.add(one);
  }
  const next = Int32Array.from(reached);
  const count = ranking?.keepBest(next, next.length, stamp) ?? next.length;
  const places = [...next.subarray(0, count), ...(anchored ? [] : [0])].sort((a, b) => a - b);
  const before = moves.before[kind]!;
  return places.length === 0 ? undefined : { places, before, key: `${before}:${places.join()}` };
}

/** So many classes are tried for each byte, and so many bytes are gone on without anything new. */
const tries = 12;
const patience = 200;

/** At most `bytes` bytes; fewer where the automaton has no more states to be led into. */
export function hostileWalk(source: string, bytes: number): string {
  const { node } = parseRegex(source, defaultFlags);
  const program = compileProgram(loosen(node), 0);
  const moves = createMoves(program);
  const samples = Array.from({ length: moves.width }, (_none, kind) => moves.classes.lastIndexOf(kind));
  const stamp = new Uint32Array(program.op.length);
  const automaton = { moves, ranking: createRanking(program), anchored: isAnchored(node), samples, stamp };
  let lot = 5;
  const draw = (most: number): number => ((lot = (Math.imul(lot, 1_664_525) + 1_013_904_223) >>> 0) % 65_521) % most;
  const visits = new Map<string, number>();
  const path: State[] = [{ places: [0], before: noneBefore, key: '' }];
  const text: number[] = [];
  for (let idle = 0; text.length < bytes && idle < patience; ) {
    const found = chooseNext(automaton, path.at(-1)!, visits, draw(moves.width));
    if (found === undefined) {
      // Every byte would be a match: some bytes back there is another way.
      const back = Math.min(text.length, 1 + draw(6));
      path.length -= back;
      text.length -= back;
      idle += 1;
      continue;
    }
    const visited = visits.get(found.state.key) ?? 0;
    idle = visited === 0 ? 0 : idle + 1;
    visits.set(found.state.key, visited + 1);
    path.push(found.state);
    text.push(samples[found.kind]!);
  }
  return Buffer.from(text).toString('latin1');
}

interface Choice {
  readonly state: State;
  readonly kind: number;
}

/** The byte that leads to the largest of the states least seen. */
function chooseNext(
  automaton: Automaton,
  from: State,
  visits: ReadonlyMap<string, number>,
  first: number,
): Choice | undefined {
  const { width } = automaton.moves;
  let best: (Choice & { readonly score: number }) | undefined;
  for (let turn = 0; turn < width && (turn < tries || best === undefined); turn += 1) {
    const kind = (first + turn) % width;
    const state = after(automaton, from, kind);
    if (state === undefined) continue;
    const score = Math.min(state.places.length, 900) - 1000 * Math.min(visits.get(state.key) ?? 0, 50);
    if (best === undefined || score > best.score) best = { state, kind, score };
  }
  return best;
}
