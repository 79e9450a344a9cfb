import { randomInt } from 'node:crypto';
import type { EmitEvent } from '../../api/record.ts';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Stoppable } from '../../core/lifecycle.ts';
import type { Logger } from '../../core/log.ts';
import type { Store } from '../../storage/index.ts';
import { accountKey, keptAccount, register } from './account.ts';
import type { AcmeConfig } from './config.ts';
import { AcmeError } from './errors.ts';
import { completeOrder, placeOrder } from './order.ts';
import type { AcmeFetch, PresentChallenges } from './ports.ts';
import { askForAdvice, dueByLife, renewalName } from './renewal.ts';
import { AcmeSession, isProblem } from './session.ts';
import { acmeState, type KeptCertificate } from './state.ts';

export interface AcmeKeeperOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly emit: EmitEvent;
  /** Speaks with the authority of a configuration. */
  readonly fetchWith: (config: AcmeConfig) => AcmeFetch;
  readonly present: PresentChallenges;
  /** Another certificate is to be put in force. */
  readonly onChange: () => void;
  /** A number from 0 up to 1. Default: unpredictable. */
  readonly random?: () => number;
}

/** Keeps a certificate of an ACME authority: gets it, renews it in time, and never gives one up that is still valid. */
export interface AcmeKeeper extends Stoppable {
  /** What to keep from now on; undefined: nothing. */
  configure(config: AcmeConfig | undefined): void;
  /** The certificate of the configuration in force; undefined where there is none yet. It may have expired. */
  current(): KeptCertificate | undefined;
  /** As `current`, for a configuration that is not in force yet. */
  certificateFor(config: AcmeConfig): KeptCertificate | undefined;
  /** Resolves when no attempt is under way. */
  idle(): Promise<void>;
}

const dayMs = 86_400_000;
const lookMs = 15_000;
const firstRetryMs = 60_000;
const longestRetryMs = 6 * 3_600_000;
const rateLimitedMs = 3_600_000;
// Past this part of its life without a renewal it is more than a passing failure.
const stalledAt = 0.75;
const steps = 2 ** 32;

/** Opens what is kept. */
export async function createAcmeKeeper(options: AcmeKeeperOptions): Promise<AcmeKeeper> {
  const keeper = new CertificateKeeper(options);
  await keeper.open();
  return keeper;
}

class CertificateKeeper implements AcmeKeeper {
  readonly #options: AcmeKeeperOptions;
  readonly #state;
  readonly #random: () => number;
  #config: AcmeConfig | undefined;
  #certificate: KeptCertificate | undefined;
  #dueMs = 0;
  #askAdviceAtMs = 0;
  #failures = 0;
  #notBeforeMs = 0;
  #isStalled = false;
  #running: Promise<void> | undefined;
  #isStopped = false;
  readonly #timer;

  constructor(options: AcmeKeeperOptions) {
    this.#options = options;
    this.#state = acmeState(options.store);
    this.#random = options.random ?? (() => randomInt(steps) / steps);
    this.#timer = options.clock.every(lookMs, () => this.#look());
  }

  async open(): Promise<void> {
    this.#adopt(await this.#state.get('certificate'));
  }

  configure(config: AcmeConfig | undefined): void {
    const isOther = JSON.stringify(config) !== JSON.stringify(this.#config);
    this.#config = config;
    if (!isOther) return;
    this.#failures = 0;
    this.#notBeforeMs = 0;
    this.#look();
  }

  current(): KeptCertificate | undefined {
    return this.#config === undefined ? undefined : this.certificateFor(this.#config);
  }

  certificateFor({ domains }: AcmeConfig): KeptCertificate | undefined {
    const held = this.#certificate;
    // One that names less is still better than none for the names that it has, while another is being had.
    return domains.some((domain) => held?.domains.includes(domain)) ? held : undefined;
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer.cancel();
    await this.#running;
  }

  #adopt(certificate: KeptCertificate | undefined): void {
    this.#certificate = certificate;
    this.#dueMs = certificate === undefined ? 0 : dueByLife(certificate, this.#random());
    this.#askAdviceAtMs = 0;
    this.#isStalled = false;
  }

  #look(): void {
    const config = this.#config;
    if (config === undefined || this.#running !== undefined || this.#isStopped) return;
    if (this.#options.clock.now() < this.#notBeforeMs) return;
    this.#running = this.#keep(config).finally(() => {
      this.#running = undefined;
      // What was asked for meanwhile.
      if (this.#config !== config) this.#look();
    });
  }

  async #keep(config: AcmeConfig): Promise<void> {
    try {
      if (await this.#isDue(config)) await this.#obtain(config);
      this.#failures = 0;
    } catch (error) {
      this.#failed(config, error);
    }
  }

  async #isDue(config: AcmeConfig): Promise<boolean> {
    const { clock } = this.#options;
    const held = this.#certificate;
    const covers =
      held?.directory === config.directory && config.domains.every((domain) => held.domains.includes(domain));
    if (held === undefined || !covers) return true;
    if (clock.now() >= this.#askAdviceAtMs) await this.#takeAdvice(config, held);
    return clock.now() >= this.#dueMs;
  }

  /** Advice is a courtesy: without it a certificate is renewed by its own life. */
  async #takeAdvice(config: AcmeConfig, held: KeptCertificate): Promise<void> {
    const { clock, log } = this.#options;
    this.#askAdviceAtMs = clock.now() + rateLimitedMs;
    try {
      const { session } = await this.#session(config);
      const advice = await askForAdvice(session, held.certificatePem, this.#random());
      if (advice === undefined) return;
      this.#askAdviceAtMs = clock.now() + advice.askAgainAfterMs;
      const lifeMs = held.notAfterMs - held.notBeforeMs;
      // An authority that errs shall neither make us wait past what is safe, nor order without a pause.
      const earliestMs = held.notBeforeMs + Math.min(dayMs, lifeMs / 10);
      this.#dueMs = Math.min(Math.max(advice.dueMs, earliestMs), dueByLife(held, 0) + lifeMs * 0.1);
    } catch (error) {
      log.debug({ error: messageOf(error) }, 'no advice on when to renew the certificate');
    }
  }

  async #session(config: AcmeConfig) {
    const { clock, fetchWith } = this.#options;
    const account = await keptAccount(this.#state, config.directory);
    const key = accountKey(account);
    const session = new AcmeSession({ fetch: fetchWith(config), clock, directory: config.directory, accountKey: key });
    return { session, account };
  }

  async #obtain(config: AcmeConfig): Promise<void> {
    const { clock, emit, log, present, onChange } = this.#options;
    const { session, account } = await this.#session(config);
    if (await register(session, account, this.#state, config))
      emit({ actor, action: 'acme.account', target: config.directory, outcome: 'success' });
    const order = (await this.#keptOrder(config)) ?? (await this.#newOrder(session, config));
    const isStopped = (): boolean => this.#isStopped;
    const issued = await completeOrder(order, { session, clock, present, challenge: config.challenge, isStopped });
    const certificate: KeptCertificate = { ...issued, directory: config.directory, domains: order.domains };
    await this.#state.complete(certificate);
    this.#adopt(certificate);
    const until = new Date(issued.notAfterMs).toISOString();
    log.info({ domains: order.domains, until }, 'a certificate was issued');
    emit({
      actor,
      action: 'acme.certificate',
      target: order.domains.join(' '),
      outcome: 'success',
      detail: { directory: config.directory, until },
    });
    onChange();
  }

  async #keptOrder({ directory, domains }: AcmeConfig) {
    const kept = await this.#state.get('order');
    return kept?.directory === directory && kept.domains.join() === domains.join() ? kept : undefined;
  }

  async #newOrder(session: AcmeSession, { directory, domains }: AcmeConfig) {
    const held = this.#certificate;
    const { renewalInfo } = await session.directory();
    const replaces =
      renewalInfo === undefined || held === undefined || held.directory !== directory
        ? undefined
        : renewalName(held.certificatePem);
    const order = await placeOrder(session, directory, domains, replaces).catch((error: unknown) => {
      // The authority may know nothing of the former one, or that it was replaced already.
      if (replaces === undefined || !(error instanceof AcmeError) || error.problem === undefined) throw error;
      return placeOrder(session, directory, domains, undefined);
    });
    await this.#state.put('order', order);
    return order;
  }

  #failed(config: AcmeConfig, error: unknown): void {
    const { clock, emit, log } = this.#options;
    const ceilingMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(20, this.#failures++));
    const asked = error instanceof AcmeError ? error.retryAfterMs : undefined;
    const waitMs = Math.max(
      ceilingMs * (0.5 + this.#random() / 2),
      asked ?? 0,
      isRateLimited(error) ? rateLimitedMs : 0,
    );
    this.#notBeforeMs = clock.now() + waitMs;
    void this.#forget(error).catch((late: unknown) => log.error({ error: messageOf(late) }, 'ACME state was not kept'));
    const code = error instanceof AcmeError ? error.code : 'acme.internal';
    const facts = { domains: config.domains, code, error: messageOf(error), retryInSeconds: Math.round(waitMs / 1000) };
    const held = this.current();
    log.error(
      facts,
      held === undefined
        ? 'no certificate could be had'
        : 'the certificate could not be renewed; the former one stays in use',
    );
    const target = config.domains.join(' ');
    emit({ actor, action: 'acme.certificate', target, outcome: 'failure', detail: { code, reason: messageOf(error) } });
    this.#alert(held);
  }

  /** What the authority does not know any more is not tried again: an order that is over, an account that is gone. */
  async #forget(error: unknown): Promise<void> {
    if (!(error instanceof AcmeError)) return;
    const isOver =
      error.problem !== undefined || error.code === 'acme.bad-certificate' || error.code === 'acme.order-failed';
    if (isOver && !isRateLimited(error)) await this.#state.remove('order');
    const account = await this.#state.get('account');
    if (account?.url !== undefined && isProblem(error, 'accountDoesNotExist'))
      await this.#state.put('account', { ...account, url: undefined });
  }

  #alert(held: KeptCertificate | undefined): void {
    if (held === undefined || this.#isStalled) return;
    const elapsed = (this.#options.clock.now() - held.notBeforeMs) / (held.notAfterMs - held.notBeforeMs);
    if (elapsed < stalledAt) return;
    this.#isStalled = true;
    const until = new Date(held.notAfterMs).toISOString();
    this.#options.log.error({ until, failures: this.#failures }, 'the certificate is not being renewed');
    const target = held.domains.join(' ');
    this.#options.emit({ actor, action: 'acme.stalled', target, outcome: 'failure', detail: { until } });
  }
}

const actor = { kind: 'operator', id: 'merlon' } as const;

function isRateLimited(error: unknown): boolean {
  return isProblem(error, 'rateLimited');
}
