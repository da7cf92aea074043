import { describe, expect, test } from 'vitest';
import { GlidepathError, isGlidepathError, messageOf } from '../../../src/api/errors.ts';

describe('GlidepathError', () => {
  test('GlidepathError carries code, message, cause and whether trying again may help', () => {
    const cause = new Error('reset');
    const error = new GlidepathError('GLIDEPATH_E_NETWORK', 'could not read route shop/store', { cause, retryable: true });
    expect(error).toMatchObject({ name: 'GlidepathError', code: 'GLIDEPATH_E_NETWORK', retryable: true, cause });
    expect(error.message).toBe('could not read route shop/store');
  });

  test('GlidepathError is final and without a cause by default', () => {
    const error = new GlidepathError('GLIDEPATH_E_SPEC', 'wrong');
    expect(error.retryable).toBe(false);
    expect('cause' in error).toBe(false);
  });

  test('GlidepathError is told apart from other errors and by its code', () => {
    const error = new GlidepathError('GLIDEPATH_E_GUARD', 'moved on');
    expect(isGlidepathError(error)).toBe(true);
    expect(isGlidepathError(error, 'GLIDEPATH_E_GUARD')).toBe(true);
    expect(isGlidepathError(error, 'GLIDEPATH_E_SPEC')).toBe(false);
    expect(isGlidepathError(new Error('GLIDEPATH_E_GUARD'))).toBe(false);
  });

  test('anything that was thrown has a message', () => {
    expect(messageOf(new Error('a'))).toBe('a');
    expect(messageOf('b')).toBe('b');
    expect(messageOf(undefined)).toBe('undefined');
  });
});
