import { MerlonError } from '../../core/errors.ts';
import { compileRegex, type Regex } from '../regex/regex.ts';
import type { OperatorFactory } from './operator.ts';

// Numbers with a check digit: an expression finds candidates, the arithmetic decides.

type Check = (digits: readonly number[], text: string) => boolean;

const maxCandidates = 64;

function* candidates(regex: Regex, text: string): Generator<string> {
  let rest = text;
  for (let count = 0; count < maxCandidates; count += 1) {
    const found = regex.exec(rest)?.[0];
    if (found === undefined) return;
    yield found;
    rest = rest.slice(rest.indexOf(found) + Math.max(1, found.length));
    if (rest === '') return;
  }
}

const digitsOf = (text: string): number[] => [...text.replace(/\D+/g, '')].map(Number);

function verifying(check: Check): OperatorFactory {
  return (parameter) => {
    const regex = compileRegex(parameter);
    const find = (text: string): string | undefined =>
      [...candidates(regex, text)].find((one) => check(digitsOf(one), one));
    return {
      matches: (text) => find(text.raw) !== undefined,
      captures: (text) => [find(text.raw)],
      requirements: regex.requirements,
    };
  };
}

/** ISO/IEC 7812-1: the Luhn sum is a multiple of ten. */
function isCardNumber(digits: readonly number[]): boolean {
  if (digits.length === 0) return false;
  const sum = digits.toReversed().reduce((total, digit, index) => {
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
}

/** US social security: area, group and serial are in use, and the number is no mere sequence. */
function isSsn(digits: readonly number[]): boolean {
  if (digits.length !== 9) return false;
  const number = digits.join('');
  const area = Number(number.slice(0, 3));
  if (area === 0 || area === 666 || area >= 740) return false;
  if (number.slice(3, 5) === '00' || number.slice(5) === '0000') return false;
  const isSequence = digits.every((digit, index) => index === 0 || digit === digits[index - 1]! + 1);
  const isRepeated = digits.every((digit) => digit === digits[0]);
  return !isSequence && !isRepeated;
}

const weighted = (digits: readonly number[], weights: readonly number[]): number =>
  weights.reduce((sum, weight, index) => sum + weight * digits[index]!, 0);

const cpfDigit = (sum: number): number => (sum % 11 < 2 ? 0 : 11 - (sum % 11));

/** Brazil's Cadastro de Pessoas Fisicas: two check digits modulo 11. */
function isCpf(digits: readonly number[]): boolean {
  if (digits.length !== 11 || digits.every((digit) => digit === digits[0])) return false;
  const first = cpfDigit(weighted(digits, [10, 9, 8, 7, 6, 5, 4, 3, 2]));
  const second = cpfDigit(weighted(digits, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]));
  return digits[9] === first && digits[10] === second;
}

/** Austria's Sozialversicherungsnummer: its fourth digit checks the others modulo 11. */
function isSvnr(digits: readonly number[]): boolean {
  return digits.length === 10 && weighted(digits, [3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 === digits[3];
}

/** Chile's RUT: a check digit modulo 11 that may be `K`. */
function isRut(text: string): boolean {
  const bare = text.replace(/[^0-9kK]+/g, '').toLowerCase();
  const body = [...bare.slice(0, -1)].map(Number).reverse();
  if (body.length < 6 || body.some(Number.isNaN)) return false;
  const rest = 11 - (body.reduce((sum, digit, index) => sum + digit * (2 + (index % 6)), 0) % 11);
  return bare.at(-1) === (rest === 11 ? '0' : rest === 10 ? 'k' : String(rest));
}

const nids: OperatorFactory = (parameter, sources) => {
  const [country = '', ...expression] = parameter.split(' ');
  const checks: Readonly<Record<string, Check>> = { cl: (_digits, text) => isRut(text), us: isSsn };
  const check = Object.hasOwn(checks, country) ? checks[country] : undefined;
  if (check === undefined)
    throw new MerlonError({ code: 'waf.bad-value', message: `\`@nids\` knows \`cl\` and \`us\`, not \`${country}\`` });
  return verifying(check)(expression.join(' '), sources);
};

export const personalNumberOperators: Readonly<Record<string, OperatorFactory>> = {
  verifyCC: verifying(isCardNumber),
  verifyCPF: verifying(isCpf),
  verifySSN: verifying(isSsn),
  verifySVNR: verifying(isSvnr),
  nids,
};
