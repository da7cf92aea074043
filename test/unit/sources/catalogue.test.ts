import { describe, expect, test } from 'vitest';
import { SOURCES, findSource } from '../../../src/sources/catalogue.ts';

describe('the sources', () => {
  test('the sources have names of their own and are found by them', () => {
    expect(new Set(SOURCES.map(({ name }) => name)).size).toBe(SOURCES.length);
    expect(SOURCES.map(({ name }) => findSource(name))).toEqual(SOURCES);
  });

  test('the sources whose gateway can retry say that retries hide failures', () => {
    const warned = SOURCES.filter(({ hazards }) => hazards.some(({ code }) => code === 'RetriesHideFailures'));
    const retrying = ['Contour', 'Traefik', 'EnvoyGateway', 'EnvoyGatewayMerged', 'Istio', 'IstioWaypoint', 'Kgateway', 'Cilium'];
    expect(warned.map(({ name }) => name).toSorted()).toEqual(retrying.toSorted());
  });
});
