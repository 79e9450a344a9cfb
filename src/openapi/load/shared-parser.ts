import { type ParseSource, parseSource } from './source.ts';

/** Parses each text once, for whoever asks. Lives as long as one reading of a manifest and its documents. */
export interface SharedParser {
  readonly parse: ParseSource;
  /** What the text holds; undefined where it is neither JSON nor YAML. */
  readonly read: (text: string) => unknown;
}

export function createSharedParser(): SharedParser {
  const parsed = new Map<string, ReturnType<ParseSource>>();
  const parse = (path: string, text: string): ReturnType<ParseSource> => {
    const known = parsed.get(text) ?? parseSource(path, text);
    parsed.set(text, known);
    return 'root' in known ? { ...known, path } : known;
  };
  return {
    parse,
    read: (text) => {
      const source = parse('', text);
      return 'root' in source ? source.root : undefined;
    },
  };
}
