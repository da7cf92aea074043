import { describe, expect, test } from 'vitest';
import { withCleanTexts, withoutControls } from '../../../../src/core/workload/one-line.ts';

describe('what somebody else wrote', () => {
  test('what somebody else wrote has no control characters, and keeps its lines', () => {
    expect(withoutControls('a\u001b[31mb\u001b]0;title\u0007c\n\td\u202ee\u009b2Jf')).toBe('abc\n\tde2Jf');
    expect(withoutControls('1.4.2-rc.1 é 日本')).toBe('1.4.2-rc.1 é 日本');
  });

  test('what somebody else wrote in an object is clean wherever it stands', () => {
    const object = { 'k\u001b[1mey': ['\u0007x', { deep: 'y\u009b' }], number: 7, nothing: null, no: false };
    expect(withCleanTexts(object)).toEqual({ key: ['x', { deep: 'y' }], number: 7, nothing: null, no: false });
  });
});
