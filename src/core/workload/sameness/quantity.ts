// One text for all texts of the same quantity: 1000m is 1, 0.5Gi is 512Mi, and 1073741824 is 1Gi.

/** Powers of 1,000, from nano: no quantity is finer than that. */
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
/** Powers of 1,024. */
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const PARTS = /^([+-]?)(\d*)(?:\.(\d*))?([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,2})?$/;
/** No author writes longer ones; what is stored may be of any length. */
const LONGEST = 64;
const NANO_DIGITS = 9;
const MILLI = 1_000_000n;

/** Of the texts that Kubernetes writes for this value, the shortest; anything else is given back as it is. */
export function canonicalQuantity(value: unknown): unknown {
  return rewrite(value, 1n);
}

/** The same for limits and requests, which the API server rounds up to thousandths. */
export function canonicalResource(value: unknown): unknown {
  return rewrite(value, MILLI);
}

function rewrite(value: unknown, step: bigint): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') return value;
  const text = String(value).trim();
  const parts = text.length > LONGEST ? null : PARTS.exec(text);
  if (parts === null) return value;
  const [, sign = '', whole = '', fraction = '', suffix = ''] = parts;
  if (`${whole}${fraction}` === '') return value;
  const nanos = roundUp(toNanos(BigInt(`${whole}${fraction}`), fraction.length, suffix), step) * step;
  return nanos === 0n ? '0' : `${sign === '-' ? '-' : ''}${formatNanos(nanos)}`;
}

function toNanos(digits: bigint, fractionDigits: number, suffix: string): bigint {
  const binary = BINARY.indexOf(suffix);
  const factor = binary > 0 ? 1024n ** BigInt(binary) : 1n;
  const exponent = NANO_DIGITS - fractionDigits + (binary > 0 ? 0 : exponentOf(suffix));
  return exponent >= 0 ? digits * factor * 10n ** BigInt(exponent) : roundUp(digits * factor, 10n ** BigInt(-exponent));
}

function exponentOf(suffix: string): number {
  const power = DECIMAL.indexOf(suffix);
  return power >= 0 ? 3 * power - NANO_DIGITS : Number(suffix.slice(1));
}

function roundUp(amount: bigint, step: bigint): bigint {
  return (amount + step - 1n) / step;
}

function formatNanos(nanos: bigint): string {
  const decimal = shorten(nanos, 1000n, DECIMAL);
  const ones = 10n ** BigInt(NANO_DIGITS);
  if (nanos % ones !== 0n) return decimal;
  const binary = shorten(nanos / ones, 1024n, BINARY);
  return binary.length < decimal.length ? binary : decimal;
}

function shorten(amount: bigint, base: bigint, suffixes: readonly string[]): string {
  let [rest, power] = [amount, 0];
  while (power < suffixes.length - 1 && rest % base === 0n) [rest, power] = [rest / base, power + 1];
  return `${rest}${suffixes[power]}`;
}
