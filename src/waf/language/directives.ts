import { type Position, ruleFault } from '../errors.ts';
import type { DirectiveNode } from './ast.ts';

const maxLineBytes = 262_144;

/** Lines joined where a backslash ends them; comments and blank lines gone. */
function* logicalLines(text: string, file: string): Generator<{ readonly text: string; readonly at: Position }> {
  let joined = '';
  let line = 0;
  let first = 1;
  for (const raw of text.split('\n')) {
    line += 1;
    const trimmed = raw.trim();
    if (joined === '') {
      first = line;
      if (trimmed === '' || trimmed.startsWith('#')) continue;
    } else if (trimmed.startsWith('#')) continue;
    if (trimmed.endsWith('\\')) {
      joined += trimmed.slice(0, -1);
      continue;
    }
    joined += trimmed;
    if (joined.length > maxLineBytes) throw ruleFault({ file, line: first }, 'waf.syntax', 'the directive is too long');
    if (joined !== '') yield { text: joined, at: { file, line: first } };
    joined = '';
  }
  if (joined !== '') throw ruleFault({ file, line: first }, 'waf.syntax', 'the file ends in the middle of a directive');
}

/** Reads a quoted word whose opening quote stands at `from`: its content and the index past the closing quote. */
function readQuoted(text: string, from: number, at: Position): readonly [string, number] {
  const quote = text.charAt(from);
  let word = '';
  for (let index = from + 1; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === quote) return [word, index + 1];
    const escapesQuote = character === '\\' && text.charAt(index + 1) === quote;
    if (escapesQuote) index += 1;
    word += escapesQuote ? quote : character;
  }
  throw ruleFault(at, 'waf.syntax', `a quote (${quote}) is not closed`);
}

function splitWords(text: string, at: Position): string[] {
  const words: string[] = [];
  let index = 0;
  while (index < text.length) {
    const character = text.charAt(index);
    if (character === ' ' || character === '\t') {
      index += 1;
    } else if (character === '"' || character === "'") {
      const [word, next] = readQuoted(text, index, at);
      words.push(word);
      index = next;
    } else {
      const space = text.slice(index).search(/[ \t]/);
      const end = space < 0 ? text.length : index + space;
      words.push(text.slice(index, end));
      index = end;
    }
  }
  return words;
}

/**
 * Splits a file into directives. `text` is a byte string.
 * @throws MerlonError `waf.syntax`.
 */
export function parseDirectives(text: string, file: string): DirectiveNode[] {
  return [...logicalLines(text, file)].map((line) => {
    const [name = '', ...args] = splitWords(line.text, line.at);
    return { name, args, at: line.at };
  });
}
