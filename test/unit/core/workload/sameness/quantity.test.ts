import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalQuantity, canonicalResource } from '../../../../../src/core/workload/sameness/quantity.ts';

describe('a quantity has one text', () => {
  test.each([
    ['1000m', '1'],
    ['0.5', '500m'],
    ['.5', '500m'],
    ['5.', '5'],
    [0.25, '250m'],
    [2, '2'],
    ['0001', '1'],
    ['+1', '1'],
    ['-1500m', '-1500m'],
    ['0', '0'],
    ['-0', '0'],
    ['0Mi', '0'],
    ['1024Mi', '1Gi'],
    ['0.5Gi', '512Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.1Ki', '102400m'],
    ['1073741824', '1Gi'],
    ['512M', '512M'],
    ['1000', '1k'],
    ['1024', '1Ki'],
    ['1e3', '1k'],
    ['1E3', '1k'],
    ['1E', '1E'],
    ['1e-3', '1m'],
    ['2E-10', '1n'],
    ['0.0000000001', '1n'],
    ['5000Ei', '5000Ei'],
  ])('%s is %s', (written, text) => {
    expect(canonicalQuantity(written)).toBe(text);
  });

  test('a quantity has one text whatever the units are that its author counted in', () => {
    const units = fc.constantFrom('n', 'u', 'm', '', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi');
    fc.assert(
      fc.property(fc.nat(), fc.nat(3), units, (digits, places, unit) => {
        const written = `${digits}${places === 0 ? '' : `.${'5'.repeat(places)}`}${unit}`;
        const text = canonicalQuantity(written);
        expect(nanosOf(String(text))).toBe(nanosOf(written));
        expect(canonicalQuantity(text)).toBe(text);
        expect(canonicalQuantity(`${nanosOf(written)}n`)).toBe(text);
      }),
    );
  });
});

test('limits and requests are rounded up to thousandths, as the API server does', () => {
  expect(['0.0001', '1u', '1000001n', '1.0005', '1Ki'].map(canonicalResource)).toEqual(['1m', '1m', '2m', '1001m', '1Ki']);
});

test.each([['a'], [''], ['.'], ['1 Gi'], ['1mi'], ['1e999'], ['9'.repeat(65)], [null], [true], [{}]])(
  '%j is no quantity and stays',
  (value) => {
    expect(canonicalQuantity(value)).toEqual(value);
  },
);

/** An independent reading of the plain forms, in nano; rounded up. */
function nanosOf(text: string): bigint {
  const [, whole = '', fraction = '', unit = ''] = /^(\d+)(?:\.(\d+))?(.*)$/.exec(text) ?? [];
  const scale: Readonly<Record<string, bigint>> = {
    n: 1n,
    u: 10n ** 3n,
    m: 10n ** 6n,
    '': 10n ** 9n,
    k: 10n ** 12n,
    M: 10n ** 15n,
    G: 10n ** 18n,
  };
  const more: Readonly<Record<string, bigint>> = { T: 10n ** 21n, P: 10n ** 24n, E: 10n ** 27n };
  const binary = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].indexOf(unit) + 1;
  const factor = binary > 0 ? 10n ** 9n * 2n ** BigInt(10 * binary) : (scale[unit] ?? more[unit] ?? 0n);
  const divisor = 10n ** BigInt(fraction.length);
  return (BigInt(whole + fraction) * factor + divisor - 1n) / divisor;
}
