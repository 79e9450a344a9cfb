import { holds, noByte } from './assertions.ts';
import { hasByte } from './byte-set.ts';
import { compileProgram, type Look, opcodes, type Program } from './program.ts';
import { reverse } from './syntax.ts';
import { work } from './work.ts';

// Pike's machine: all places of the program advance together, each with its captures, the preferred first. Linear in
// the text (times the program), and it finds the match that a backtracking engine would find first.

/** Bounds of the whole match and of each group, in pairs; -1 where a group did not take part. */
export type Captures = Int32Array;

interface Threads {
  readonly places: Int32Array;
  readonly captures: Captures[];
  length: number;
}

interface Run {
  readonly program: Program;
  readonly text: string;
  /** Per look-around, whether it holds at each position. */
  readonly looks: readonly Uint8Array[];
  readonly stamp: Int32Array;
  readonly slots: number;
}

const newThreads = (size: number): Threads => ({ places: new Int32Array(size), captures: new Array(size), length: 0 });

function passes(run: Run, place: number, at: number): boolean {
  const { program, text } = run;
  if (program.op[place] === opcodes.look) return run.looks[program.x[place]!]![at] === 1;
  const before = at > 0 ? text.charCodeAt(at - 1) : noByte;
  const after = at < text.length ? text.charCodeAt(at) : noByte;
  return holds(program.x[place]!, before, after, at === text.length - 1);
}

function withSlot(captures: Captures, slot: number, at: number): Captures {
  if (slot >= captures.length) return captures;
  const copy = captures.slice();
  copy[slot] = at;
  return copy;
}

/** Adds `from` and all it reaches without a byte, in order of preference. */
function addThread(run: Run, threads: Threads, from: number, at: number, initial: Captures): void {
  const { program, stamp } = run;
  const stack: [number, Captures][] = [[from, initial]];
  while (stack.length > 0) {
    const [place, captures] = stack.pop()!;
    if (stamp[place] === at) continue;
    stamp[place] = at;
    switch (program.op[place]) {
      case opcodes.split:
        stack.push([program.y[place]!, captures], [program.x[place]!, captures]);
        break;
      case opcodes.jump:
        stack.push([program.x[place]!, captures]);
        break;
      case opcodes.save:
        stack.push([place + 1, withSlot(captures, program.x[place]!, at)]);
        break;
      case opcodes.assert:
      case opcodes.look:
        if (passes(run, place, at)) stack.push([place + 1, captures]);
        break;
      default:
        threads.places[threads.length] = place;
        threads.captures[threads.length] = captures;
        threads.length += 1;
    }
  }
}

/** Moves every thread over the byte at `at`. Returns the captures of a match that a thread stood on, if any. */
function advance(run: Run, from: Threads, to: Threads, at: number): Captures | undefined {
  const { program, text } = run;
  to.length = 0;
  work.steps += from.length;
  for (let index = 0; index < from.length; index += 1) {
    const place = from.places[index]!;
    const captures = from.captures[index]!;
    if (program.op[place] === opcodes.match) return withSlot(captures, 1, at);
    if (at < text.length && hasByte(program.sets[program.x[place]!]!, text.charCodeAt(at))) {
      addThread(run, to, place + 1, at + 1, captures);
    }
  }
  return undefined;
}

function search(run: Run, anchored: boolean): Captures | undefined {
  const size = run.program.op.length;
  let current = newThreads(size);
  let next = newThreads(size);
  let found: Captures | undefined;
  const none = new Int32Array(run.slots).fill(-1);
  for (let at = 0; at <= run.text.length; at += 1) {
    if (found === undefined && (at === 0 || !anchored)) addThread(run, current, 0, at, withSlot(none, 0, at));
    if (current.length === 0 && (found !== undefined || anchored)) break;
    found = advance(run, current, next, at) ?? found;
    [current, next] = [next, current];
  }
  return found;
}

/** Positions at which a match of `program` may end, whatever its start: a plain forward run. */
function endsOf(program: Program, text: string, looks: readonly Uint8Array[]): Uint8Array {
  const size = program.op.length;
  const run: Run = { program, text, looks, stamp: new Int32Array(size).fill(-1), slots: 0 };
  const ends = new Uint8Array(text.length + 1);
  const none = new Int32Array(0);
  let current = newThreads(size);
  let next = newThreads(size);
  for (let at = 0; at <= text.length; at += 1) {
    addThread(run, current, 0, at, none);
    next.length = 0;
    work.steps += current.length;
    for (let index = 0; index < current.length; index += 1) {
      const place = current.places[index]!;
      if (program.op[place] === opcodes.match) ends[at] = 1;
      else if (at < text.length && hasByte(program.sets[program.x[place]!]!, text.charCodeAt(at))) {
        addThread(run, next, place + 1, at + 1, none);
      }
    }
    [current, next] = [next, current];
  }
  return ends;
}

/** Looks for the inside of a look-around everywhere at once: forwards for a look-behind, backwards for a look-ahead. */
function compileLook(look: Look): (text: string) => Uint8Array {
  const program = compileProgram(look.ahead ? reverse(look.node) : look.node, 0);
  const inner = program.looks.map((nested) => ({ nested, find: compileLook(mirror(nested, look.ahead)) }));
  return (text) => {
    const subject = look.ahead ? backwards(text) : text;
    const looks = inner.map(({ find }) => find(subject));
    const ends = endsOf(program, subject, looks);
    const holdsAt = look.ahead ? ends.reverse() : ends;
    return look.negative ? holdsAt.map((bit) => bit ^ 1) : holdsAt;
  };
}

/** A look-around inside a reversed look-ahead looks the other way. */
function mirror(look: Look, reversed: boolean): Look {
  return reversed ? { ahead: !look.ahead, negative: look.negative, node: reverse(look.node) } : look;
}

function backwards(text: string): string {
  let reversed = '';
  for (let at = text.length - 1; at >= 0; at -= 1) reversed += text.charAt(at);
  return reversed;
}

/** Finds the leftmost match, or undefined. */
export function createPike(program: Program, anchored: boolean): (text: string) => Captures | undefined {
  const finders = program.looks.map(compileLook);
  return (text) =>
    search(
      {
        program,
        text,
        looks: finders.map((find) => find(text)),
        stamp: new Int32Array(program.op.length).fill(-1),
        slots: (program.groups + 1) * 2,
      },
      anchored,
    );
}
