import { type CharSet, endSymbol, overlaps, startSymbol } from './char-set.ts';
import { PatternFault, type Tree } from './syntax.ts';

/**
 * The position automaton of a pattern (Glushkov): one state for each character of the pattern, and which may follow
 * which. It has no empty transitions, so ambiguity shows as two successors that overlap, or as one successor that is
 * reached in two ways.
 */
export interface Automaton {
  /** What each position stands for. */
  readonly sets: readonly CharSet[];
  readonly follow: readonly ReadonlySet<number>[];
  readonly first: ReadonlySet<number>;
  readonly last: ReadonlySet<number>;
  /** The empty text matches. */
  readonly nullable: boolean;
  /** Some text can be matched in more than one way, so that a backtracking engine may try them all. */
  readonly ambiguous: boolean;
}

interface Fragment {
  readonly nullable: boolean;
  readonly first: readonly number[];
  readonly last: readonly number[];
}

const maxPositions = 3000;
const maxEdges = 300_000;
const nothing: Fragment = { nullable: true, first: [], last: [] };

/** Builds the automaton of `tree`. Throws `PatternFault` where it would be too large. */
export function buildAutomaton(tree: Tree): Automaton {
  const builder = new AutomatonBuilder();
  const { nullable, first, last } = builder.add(tree);
  const automaton = {
    sets: builder.sets,
    follow: builder.follow,
    first: new Set(first),
    last: new Set(last),
    nullable,
  };
  checkAnchors(automaton);
  return { ...automaton, ambiguous: builder.ambiguous || hasOverlap(automaton) };
}

class AutomatonBuilder {
  readonly sets: CharSet[] = [];
  readonly follow: Set<number>[] = [];
  ambiguous = false;
  #edges = 0;

  add(tree: Tree): Fragment {
    switch (tree.kind) {
      case 'set':
        return this.#position(tree.set);
      case 'sequence':
        return tree.parts.reduce<Fragment>((before, part) => this.#join(before, this.add(part)), nothing);
      case 'choice':
        return this.#choose(tree.options.map((option) => this.add(option)));
      case 'repeat':
        return this.#repeat(tree.body, tree.min, tree.max);
    }
  }

  #position(set: CharSet): Fragment {
    const position = this.sets.length;
    if (position >= maxPositions)
      throw new PatternFault('is too large', 'bound the length with `maxLength` instead of `{…}`');
    this.sets.push(set);
    this.follow.push(new Set());
    return { nullable: false, first: [position], last: [position] };
  }

  #link(from: readonly number[], to: readonly number[]): void {
    this.#edges += from.length * to.length;
    if (this.#edges > maxEdges)
      throw new PatternFault('is too large', 'bound the length with `maxLength` instead of `{…}`');
    for (const position of from) {
      const successors = this.follow[position] as Set<number>;
      for (const next of to) {
        if (successors.has(next)) this.ambiguous = true;
        successors.add(next);
      }
    }
  }

  #join(before: Fragment, after: Fragment): Fragment {
    this.#link(before.last, after.first);
    return {
      nullable: before.nullable && after.nullable,
      first: before.nullable ? [...before.first, ...after.first] : before.first,
      last: after.nullable ? [...before.last, ...after.last] : after.last,
    };
  }

  #choose(options: readonly Fragment[]): Fragment {
    if (options.filter(({ nullable }) => nullable).length > 1) this.ambiguous = true;
    return {
      nullable: options.some(({ nullable }) => nullable),
      first: options.flatMap(({ first }) => first),
      last: options.flatMap(({ last }) => last),
    };
  }

  /** `x{2,4}` is x x (x (x)?)?, and `x{2,}` is x x x*. */
  #repeat(body: Tree, min: number, max: number): Fragment {
    const required = Math.min(min, maxPositions + 1);
    let whole = nothing;
    for (let count = 0; count < required; count++) whole = this.#join(whole, this.add(body));
    if (max === Number.POSITIVE_INFINITY) return this.#join(whole, this.#star(this.add(body)));
    const optional = Math.min(max - min, maxPositions + 1);
    const copies: Fragment[] = [];
    for (let count = 0; count < optional; count++) copies.push(this.add(body));
    const tail = copies.reduceRight<Fragment>((inner, copy) => this.#optional(this.#join(copy, inner)), nothing);
    return this.#join(whole, tail);
  }

  #star(body: Fragment): Fragment {
    if (body.nullable) this.ambiguous = true;
    this.#link(body.last, body.first);
    return { ...body, nullable: true };
  }

  #optional(body: Fragment): Fragment {
    if (body.nullable) this.ambiguous = true;
    return { ...body, nullable: true };
  }
}

function isSymbol(set: CharSet, symbol: number): boolean {
  return set[0]?.[0] === symbol;
}

/** Each anchor is read once, so that two in a row (`^^`) would never match though they should. */
function checkAnchors({ sets, follow }: Pick<Automaton, 'sets' | 'follow'>): void {
  sets.forEach((set, position) => {
    for (const symbol of [startSymbol, endSymbol]) {
      const again =
        isSymbol(set, symbol) && [...(follow[position] ?? [])].some((next) => isSymbol(sets[next] ?? [], symbol));
      if (again) throw new PatternFault('repeats an anchor');
    }
  });
}

/** Whether somewhere two different positions may read the same character next. */
function hasOverlap({ sets, follow, first }: Pick<Automaton, 'sets' | 'follow' | 'first'>): boolean {
  const clash = (successors: ReadonlySet<number>): boolean => {
    const list = [...successors];
    return list.some((a, index) => list.slice(index + 1).some((b) => overlaps(sets[a] ?? [], sets[b] ?? [])));
  };
  return clash(first) || follow.some(clash);
}

/** Whether every match must begin at the start of the text. */
export function isAnchoredAtStart({ sets, first, nullable }: Automaton): boolean {
  return !nullable && [...first].every((position) => isSymbol(sets[position] ?? [], startSymbol));
}

/** Whether every match must reach the end of the text. */
export function isAnchoredAtEnd({ sets, last, nullable }: Automaton): boolean {
  return !nullable && [...last].every((position) => isSymbol(sets[position] ?? [], endSymbol));
}
