import { describe, expect, test } from 'vitest';
import { CREDENTIALS_MAX_AGE_MS, CredentialCache } from '../../../../src/adapters/prometheus/credential-cache.ts';
import type { Credentials } from '../../../../src/adapters/prometheus/credentials.ts';

function setUp() {
  const clock = { now: 0 };
  const cache = new CredentialCache(() => clock.now);
  const loads: string[] = [];
  const load = (key: string) => (): Promise<Credentials> => {
    loads.push(key);
    return Promise.resolve({ headers: { read: String(loads.length) } });
  };
  return { clock, cache, loads, load };
}

describe('credentials', () => {
  test('credentials are read once, also by many at the same time, until they are a minute old', async () => {
    const { clock, cache, loads, load } = setUp();
    await Promise.all([cache.get('a', load('a')), cache.get('a', load('a')), cache.get('b', load('b'))]);
    clock.now = CREDENTIALS_MAX_AGE_MS - 1;
    await cache.get('a', load('a'));
    expect(loads).toEqual(['a', 'b']);
    clock.now = CREDENTIALS_MAX_AGE_MS;
    await cache.get('a', load('a'));
    expect(loads).toEqual(['a', 'b', 'a']);
  });

  test('credentials are read again when the clock was set back', async () => {
    const { clock, cache, loads, load } = setUp();
    clock.now = 1_000_000;
    await cache.get('a', load('a'));
    clock.now = 0;
    await cache.get('a', load('a'));
    expect(loads).toHaveLength(2);
  });

  test('credentials that could not be read are tried at the next question', async () => {
    const { cache, loads, load } = setUp();
    await expect(cache.get('a', () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
    await cache.get('a', load('a'));
    expect(loads).toEqual(['a']);
  });
});

describe('after a refusal', () => {
  test('credentials are read once, and not again before they worked or are old', async () => {
    const { clock, cache, loads, load } = setUp();
    await cache.get('a', load('a'));
    expect(await cache.renew('a', load('a'))).toEqual({ headers: { read: '2' } });
    expect(await cache.renew('a', load('a'))).toBeUndefined();
    clock.now = CREDENTIALS_MAX_AGE_MS;
    await cache.get('a', load('a'));
    expect(await cache.renew('a', load('a'))).toEqual({ headers: { read: '4' } });
    expect(loads).toHaveLength(4);
  });

  test('a refusal after a refusal and a success is news', async () => {
    const { cache, load } = setUp();
    await cache.renew('a', load('a'));
    cache.confirm('a');
    expect(await cache.renew('a', load('a'))).toEqual({ headers: { read: '2' } });
  });
});

test('the cache does not grow without end', async () => {
  const { cache, loads, load } = setUp();
  for (let n = 0; n <= 1_000; n += 1) await cache.get(`k${n}`, load(`k${n}`));
  await cache.get('k1000', load('again'));
  await cache.get('k0', load('again'));
  expect(loads.filter((key) => key === 'again')).toHaveLength(1);
});
