import { inspect } from 'node:util';

const redacted = '[redacted]';

/** A value that must not be printed. It shows as `[redacted]` in strings, JSON and `console.log`; `reveal` gives it up on purpose. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}
