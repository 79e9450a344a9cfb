import { type Position, ruleFault } from '../errors.ts';
import type { SelectorNode, VariableNode } from './ast.ts';

const head = /^(!?)(&?)([A-Za-z][A-Za-z0-9_]*)/;

/** Index past the selector that begins at `from`. Regular expressions may hold the separator. */
function selectorEnd(text: string, from: number, at: Position): number {
  const quoted = text.startsWith("'/", from);
  if (!quoted && text.charAt(from) !== '/') {
    const bar = text.indexOf('|', from);
    return bar < 0 ? text.length : bar;
  }
  const close = quoted ? "/'" : '/';
  for (let index = from + (quoted ? 2 : 1); index < text.length; index += 1) {
    if (text.charAt(index) === '\\') index += 1;
    else if (text.startsWith(close, index)) {
      const end = index + close.length;
      if (end === text.length || text.charAt(end) === '|') return end;
    }
  }
  throw ruleFault(at, 'waf.syntax', 'the expression of a selector is not closed');
}

function parseSelector(text: string): SelectorNode {
  const plain = text.startsWith("'") && text.endsWith("'") && text.length > 1 ? text.slice(1, -1) : text;
  const isRegex = plain.length > 1 && plain.startsWith('/') && plain.endsWith('/');
  return isRegex ? { kind: 'regex', source: plain.slice(1, -1) } : { kind: 'key', key: plain };
}

/** XPath expressions begin with a slash too, and end at the next bar. */
const isXml = (name: string): boolean => name === 'XML';

/**
 * Parses a list of variables: `ARGS|!ARGS:token|&REQUEST_HEADERS:Host`.
 * @throws MerlonError `waf.syntax`.
 */
export function parseVariables(text: string, at: Position): VariableNode[] {
  const variables: VariableNode[] = [];
  let from = 0;
  while (from < text.length) {
    if (text.charAt(from) === '|' || text.charAt(from) === ',') {
      from += 1;
      continue;
    }
    const match = head.exec(text.slice(from));
    if (match === null) throw ruleFault(at, 'waf.syntax', `\`${text.slice(from, from + 40)}\` is not a variable`);
    from += match[0].length;
    const name = match[3]!.toUpperCase();
    const parts = { name, excluded: match[1] === '!', counted: match[2] === '&' };
    if (text.charAt(from) !== ':') {
      if (from < text.length && text.charAt(from) !== '|' && text.charAt(from) !== ',') {
        throw ruleFault(at, 'waf.syntax', `\`${text.slice(from, from + 20)}\` cannot follow the variable \`${name}\``);
      }
      variables.push(parts);
      continue;
    }
    const bar = text.indexOf('|', from);
    const end = isXml(name) ? (bar < 0 ? text.length : bar) : selectorEnd(text, from + 1, at);
    const source = text.slice(from + 1, end);
    variables.push({ ...parts, selector: isXml(name) ? { kind: 'key', key: source } : parseSelector(source) });
    from = end;
  }
  if (variables.length === 0) throw ruleFault(at, 'waf.syntax', 'a rule needs a variable');
  return variables;
}
