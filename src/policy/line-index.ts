/** Where something stands in a file, from 1. */
export interface Place {
  readonly line: number;
  /** In UTF-16 units, as editors count. */
  readonly column: number;
}

/** Finds lines and columns of offsets into `source`. */
export function indexLines(source: string): (offset: number) => Place {
  const starts = [0];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    for (let high = starts.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] as number) + 1 };
  };
}

/** The UTF-16 offset in `text` of a UTF-8 byte offset, as the official parser counts. */
export function utf16Offset(text: string, byteOffset: number): number {
  return Buffer.from(text, 'utf8').subarray(0, byteOffset).toString('utf8').length;
}
