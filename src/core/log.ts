import { type DestinationStream, pino } from 'pino';

/** Structured logging. Fields first, sentence second, as pino has it. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger whose every line carries `fields`. */
  child(fields: object): Logger;
}

// Field names whose values never reach a log, one level deep and two, whoever logs them.
const secretFields = [
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'secret',
  'token',
  'accessToken',
  'refreshToken',
  'privateKey',
  'key',
  'unsealKey',
  'clientSecret',
];
const redactPaths = secretFields.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]);

/** Where a logger writes and how much. */
export interface LogOptions {
  /** The role or part that speaks: `control`, `gateway/1`. */
  readonly name: string;
  readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly destination?: DestinationStream;
}

/** A logger that writes JSON lines (to standard output unless told) with secret fields masked. */
export function createLogger({ name, level = 'info', destination }: LogOptions): Logger {
  const options = {
    name,
    level,
    base: { name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: redactPaths, censor: '[redacted]' },
  };
  return destination === undefined
    ? pino(options, pino.destination({ fd: 1, sync: true }))
    : pino(options, destination);
}

const nothing = (): void => undefined;

/** A logger that says nothing, for tests and one-shot commands. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLogger,
};
