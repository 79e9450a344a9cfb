import { MerlonError } from '../../core/errors.ts';

/** A place in the text of an expression, and how the parser moves on from it. */
export interface Cursor {
  readonly text: string;
  at: number;
  isAtEnd(): boolean;
  /** The character so many further on; empty at the end. */
  peek(ahead?: number): string;
  looksAt(text: string): boolean;
  eat(text: string): boolean;
  take(): string;
  takeWhile(allowed: RegExp, most: number): string;
  fault(problem: string): MerlonError;
}

export function createCursor(text: string): Cursor {
  const cursor: Cursor = {
    text,
    at: 0,
    isAtEnd: () => cursor.at >= text.length,
    peek: (ahead = 0) => text.charAt(cursor.at + ahead),
    looksAt: (wanted) => text.startsWith(wanted, cursor.at),
    eat(wanted) {
      if (!text.startsWith(wanted, cursor.at)) return false;
      cursor.at += wanted.length;
      return true;
    },
    take() {
      if (cursor.at >= text.length) throw cursor.fault('the expression ends too early');
      return text.charAt(cursor.at++);
    },
    takeWhile(allowed, most) {
      const from = cursor.at;
      while (cursor.at - from < most && cursor.at < text.length && allowed.test(text.charAt(cursor.at))) cursor.at += 1;
      return text.slice(from, cursor.at);
    },
    fault: (problem) =>
      new MerlonError({ code: 'waf.bad-regex', message: `${problem} (character ${cursor.at + 1} of the expression)` }),
  };
  return cursor;
}
