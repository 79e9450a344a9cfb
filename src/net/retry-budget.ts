const mostTokens = 100;
const firstTokens = 10;

/** Keeps retries a bounded share of all requests, so that an upstream that fails is not asked more often than one that works. */
export class RetryBudget {
  readonly #ratio: number;
  #tokens: number;

  /** `ratio`: retries per request, on average. */
  constructor(ratio: number) {
    this.#ratio = ratio;
    this.#tokens = ratio === 0 ? 0 : firstTokens;
  }

  /** A request came. */
  deposit(): void {
    this.#tokens = Math.min(mostTokens, this.#tokens + this.#ratio);
  }

  /** Whether one retry may be made; counts it. */
  tryWithdraw(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
