import { type Position, ruleFault } from '../errors.ts';
import type { ActionNode } from './ast.ts';

/** Splits at commas that stand outside single quotes. */
function splitActions(text: string, at: Position): string[] {
  const parts: string[] = [];
  let part = '';
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === '\\' && index + 1 < text.length) {
      part += character + text.charAt(index + 1);
      index += 1;
    } else if (character === ',' && !quoted) {
      parts.push(part);
      part = '';
    } else {
      if (character === "'") quoted = !quoted;
      part += character;
    }
  }
  if (quoted) throw ruleFault(at, 'waf.syntax', "a single quote (') of an action is not closed");
  parts.push(part);
  return parts.map((one) => one.trim()).filter((one) => one !== '');
}

function unquote(value: string): string {
  const trimmed = value.trim();
  const bare = trimmed.length > 1 && trimmed.startsWith("'") && trimmed.endsWith("'") ? trimmed.slice(1, -1) : trimmed;
  return bare.replaceAll("\\'", "'");
}

/**
 * Parses a list of actions: `id:1,phase:2,msg:'a, b',deny`.
 * @throws MerlonError `waf.syntax`.
 */
export function parseActions(text: string, at: Position): ActionNode[] {
  return splitActions(text, at).map((part) => {
    const colon = part.indexOf(':');
    const name = (colon < 0 ? part : part.slice(0, colon)).trim().toLowerCase();
    if (!/^[a-z]+$/.test(name)) throw ruleFault(at, 'waf.syntax', `\`${name.slice(0, 40)}\` is not an action`);
    return { name, value: colon < 0 ? undefined : unquote(part.slice(colon + 1)) };
  });
}
