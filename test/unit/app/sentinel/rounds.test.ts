// Which releases share a request.
import { describe, expect, test } from 'vitest';
import { planRounds } from '../../../../src/app/sentinel/rounds.ts';
import { findSource } from '../../../../src/sources/catalogue.ts';

function asks(source: string, name: string) {
  const of = (service: string, backendIndex: number) => ({
    namespace: 'shop',
    service,
    port: 80,
    route: { kind: 'HTTPRoute', namespace: 'shop', name, ruleIndex: 0, backendIndex } as const,
  });
  const found = findSource(source);
  if (found === undefined) throw new Error(`no source ${source}`);
  return { source: found, canary: [of(`${name}-v2`, 1)], serving: [of(`${name}-v1`, 0)] };
}

describe('requests for many releases', () => {
  test('releases of one metrics source share a request, those of another have one of their own', () => {
    const rounds = planRounds(
      new Map([
        ['shop/a', asks('Contour', 'a')],
        ['shop/b', asks('EnvoyGateway', 'b')],
        ['shop/c', asks('Contour', 'c')],
      ]),
    );
    expect(rounds.map(({ port, keys }) => [port, keys])).toEqual([
      [8_002, ['shop/a', 'shop/c']],
      [19_001, ['shop/b']],
    ]);
    expect(decodeURIComponent(rounds[0]?.path ?? '')).toBe(
      '/stats/prometheus?filter=^cluster\\.(shop_a-v2_80|shop_a-v1_80|shop_c-v2_80|shop_c-v1_80)\\.upstream_rq_[0-9]+$',
    );
  });

  test('what does not fit into one path waits for the next request, and every release is in one of them', () => {
    const keys = Array.from({ length: 400 }, (_, index) => `shop/store-of-a-team-with-a-long-name-${index}`);
    const rounds = planRounds(new Map(keys.map((key) => [key, asks('Contour', key.slice('shop/'.length))])));
    expect(rounds.length).toBeGreaterThan(3);
    for (const { path } of rounds) expect(path.length).toBeLessThanOrEqual(8_000);
    expect(rounds.flatMap((round) => round.keys)).toEqual(keys);
  });

  test('nothing is asked for a source whose gateways tell nothing themselves', () => {
    expect(planRounds(new Map([['shop/a', asks('Traefik', 'a')]]))).toEqual([]);
    expect(planRounds(new Map())).toEqual([]);
  });
});
