// Durations exactly as the Gateway API writes them (GEP-2257): one to four parts of up to five digits and a unit of
// h, m, s, ms. Anything that a Gateway would refuse is refused here.
import { GlidepathError } from './errors.ts';

/** The form of GEP-2257. RE2 and JavaScript read it alike, so the CEL rules use the same text. */
export const DURATION_PATTERN = '^([0-9]{1,5}(h|m|s|ms)){1,4}$';

/** The longest text the form allows: four times five digits and `ms`. */
export const DURATION_MAX_LENGTH = 28;

const FORM = new RegExp(DURATION_PATTERN);
const [DIGIT_0, DIGIT_9] = ['0'.charCodeAt(0), '9'.charCodeAt(0)];

/** The longest duration that `formatDuration` can write: 99999h59m59s999ms. */
export const DURATION_MAX_MS = 99_999 * 3_600_000 + 3_599_999;

/** True if the text is a GEP-2257 duration. */
export function isDuration(text: string): boolean {
  return FORM.test(text);
}

/**
 * Milliseconds of a GEP-2257 duration such as `1m30s`.
 * @throws GlidepathError GLIDEPATH_E_DURATION when the text has another form.
 */
export function parseDuration(text: string): number {
  if (!isDuration(text)) {
    throw new GlidepathError('GLIDEPATH_E_DURATION', `write a duration such as 1m30s (units h m s ms), not "${text}"`);
  }
  // Read by its characters: every decision reads a dozen of them.
  let [total, count] = [0, 0];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code <= DIGIT_9) {
      count = count * 10 + code - DIGIT_0;
      continue;
    }
    const isMs = text.startsWith('ms', at);
    total += count * (isMs ? 1 : msOfUnit(text.charAt(at)));
    count = 0;
    if (isMs) at += 1;
  }
  return total;
}

function msOfUnit(unit: string): number {
  if (unit === 's') return 1_000;
  return unit === 'm' ? 60_000 : 3_600_000;
}

/**
 * The shortest GEP-2257 text of a number of milliseconds: `90000` is `1m30s`, `0` is `0s`. Fractions are rounded.
 * @throws GlidepathError GLIDEPATH_E_DURATION when negative, not finite or above `DURATION_MAX_MS`.
 */
export function formatDuration(ms: number): string {
  const whole = Math.round(ms);
  if (!Number.isFinite(ms) || whole < 0 || whole > DURATION_MAX_MS) {
    throw new GlidepathError('GLIDEPATH_E_DURATION', `${ms} ms cannot be written as a duration (0 to 99999h)`);
  }
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(whole / 3_600_000), 'h'],
    [Math.floor(whole / 60_000) % 60, 'm'],
    [Math.floor(whole / 1_000) % 60, 's'],
    [whole % 1_000, 'ms'],
  ];
  const text = parts.map(([count, unit]) => (count > 0 ? `${count}${unit}` : '')).join('');
  return text === '' ? '0s' : text;
}
