import { Writable } from 'node:stream';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Output } from './output.ts';

/** Outputs whose writes are listed in order. */
function create(count: number) {
  const written: string[] = [];
  const outputs = Array.from({ length: count }, () => {
    const socket = new Writable({
      decodeStrings: false,
      write: (chunk: Buffer | string, _, done) => {
        written.push(String(chunk));
        done();
      },
    });
    return new Output(socket as never);
  });
  return { written, outputs, first: outputs[0] as Output };
}

function complete(output: Output, text: string): void {
  output.put(text);
  output.flushTogether();
}

test('complete messages of several connections leave together, at the end of the turn, in order', async () => {
  const { written, outputs } = create(3);
  for (const [at, output] of outputs.entries()) complete(output, `message ${at}`);
  expect(written).toEqual([]);
  await endOfTurn();
  expect(written).toEqual(['message 0', 'message 1', 'message 2']);
});

test('many do not wait for the end of the turn', () => {
  const { written, outputs } = create(20);
  for (const output of outputs) complete(output, 'message');
  expect(written).toHaveLength(16);
});

test('what follows on the same connection never overtakes, and joins what waits', async () => {
  const { written, first } = create(1);
  complete(first, 'one ');
  complete(first, 'two ');
  first.put('three ');
  first.flush();
  complete(first, 'four');
  await endOfTurn();
  expect(written).toEqual(['one two three ', 'four']);
});

test('who is about to destroy the socket sends what is complete, and no beginning of a message', () => {
  const { written, outputs } = create(2);
  const [whole, begun] = outputs as [Output, Output];
  complete(whole, 'whole');
  begun.put('begun');
  for (const output of outputs) output.settle();
  expect(written).toEqual(['whole']);
});

test('behind what the socket still holds nothing waits', () => {
  const held: (() => void)[] = [];
  const socket = new Writable({ write: (_chunk, _encoding, done) => void held.push(done) });
  const output = new Output(socket as never);
  complete(output, 'one');
  output.flush();
  complete(output, 'two');
  expect(socket.writableLength).toBe(6);
});
