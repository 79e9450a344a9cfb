import type { Readable } from 'node:stream';

/** Characters of a line that are kept. The rest of a longer one is dropped as it comes, so that no workload can fill our memory. */
export const maxLineLength = 16_384;

/** Calls `onLine` with each line of `stream`, and with the last one that nothing ends. */
export function readOutput(stream: Readable, onLine: (line: string) => void): void {
  let pending = '';
  const keep = (text: string): void => {
    pending += text.slice(0, maxLineLength - pending.length);
  };
  const flush = (): void => {
    onLine(pending.endsWith('\r') ? pending.slice(0, -1) : pending);
    pending = '';
  };
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    let from = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', from)) {
      keep(chunk.slice(from, end));
      flush();
      from = end + 1;
    }
    keep(chunk.slice(from));
  });
  stream.on('end', () => {
    if (pending !== '') flush();
  });
  // The pipe of a process that was killed may break; its exit is told elsewhere.
  stream.on('error', () => undefined);
}
