import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { promDuration, renderQuery, type TemplateValues } from '../../../../src/core/analysis/template.ts';
import { checkExpressions, isInstalled } from '../../../fixtures/prometheus-binary.ts';
import { needs } from '../../../fixtures/needs.ts';

const VALUES: TemplateValues = {
  namespace: 'shop',
  release: 'web',
  canary: 'v2',
  serving: 'v1',
  revision: '1.8.1',
  canaryWorkload: 'web-canary',
  servingWorkload: 'web',
  canaryPods: undefined,
  window: '60s',
};

function render(query: string, change: Partial<TemplateValues> = {}): string {
  const rendered = renderQuery(query, { ...VALUES, ...change });
  return rendered.ok ? rendered.query : `refused: ${rendered.message}`;
}

describe('an own query', () => {
  test('an own query is filled with every value it names', () => {
    const query = 'sum(rate(a{n="$(namespace)",r="$(release)",c="$(canary)",s="$(serving)",v="$(revision)"}[$(window)]))';
    expect(render(query)).toBe('sum(rate(a{n="shop",r="web",c="v2",s="v1",v="1.8.1"}[60s]))');
  });

  test('an own query may name the Deployments and the pods of the canary', () => {
    const pods = String.raw`(web\.canary-5d9-)[a-z0-9]{5}`;
    expect(render('up{a="$(canaryWorkload)",b="$(servingWorkload)",pod=~"$(canaryPods)"}', { canaryPods: pods })).toBe(
      String.raw`up{a="web-canary",b="web",pod=~"(web\\.canary-5d9-)[a-z0-9]{5}"}`,
    );
  });

  test('an own query that names what is not known here is refused', () => {
    expect(render('up{pod=~"$(canaryPods)"}')).toBe(
      'refused: $(canaryPods) has no value: the pods behind the Service do not belong to one Deployment',
    );
  });

  test('an own query without placeholders stays as it is', () => {
    expect(render('up{a="$"} > $ 1')).toBe('up{a="$"} > $ 1');
  });

  test('an own query that names something unknown is refused with what there is', () => {
    expect(render('up{a="$(canari)"}')).toBe(
      'refused: $(canari) is not known; a query may use $(namespace), $(release), $(canary), $(serving), $(revision), $(canaryWorkload), $(servingWorkload), $(canaryPods), $(window)',
    );
    expect(render('up{a="$()"}')).toContain('refused: $() is not known');
  });

  test('an own query cannot name what every object has by nature', () => {
    for (const name of ['toString', 'constructor', '__proto__']) expect(render(`$(${name})`)).toContain('is not known');
  });

  test('an own query may hold a literal $( as $$(', () => {
    expect(render('a{b="$$(canary)"}')).toBe('a{b="$(canary)"}');
    expect(render('$$$(canary)')).toBe('$$(canary)');
  });

  test('an own query takes a literal for itself, whatever stands around it', () => {
    expect(render('$$$((x)')).toBe('$$((x)');
  });

  test('an own query is filled once: a value that looks like a placeholder stays a value', () => {
    expect(render('a{b="$(revision)"}', { revision: '$(canary)' })).toBe('a{b="$(canary)"}');
    expect(render('a{b="$(revision)"}', { revision: '$& $1 $$' })).toBe('a{b="$& $1 $$"}');
  });

  test('an own query keeps values inside their quotes', () => {
    expect(render('a{b="$(revision)"}', { revision: 'x"} or up{c="' })).toBe(String.raw`a{b="x\x22} or up{c=\x22"}`);
    expect(render('a{b="$(revision)"}', { revision: 'x\\\n' })).toBe(String.raw`a{b="x\\\n"}`);
  });

  test('an own query never lets a value end its string, in either kind of quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', "'", '\\', '\n', 'a', '$', '(') }), (revision) => {
        const text = render('$(revision)', { revision });
        expect(text).not.toMatch(/["'\n]/);
        expect(text.replaceAll(/\\(\\|n|x2[27])/g, '')).not.toContain('\\');
      }),
    );
  });

  test.runIf(isInstalled('promtool'))(
    'an own query with quotes in its values is one that Prometheus can read',
    needs('the program promtool on the PATH'),
    () => {
      const revision = `it's "1.8"\\ \n`;
      expect(checkExpressions([render('up{a="$(revision)"}', { revision }), render("up{a='$(revision)'}", { revision })])).toBeUndefined();
    },
  );
});

describe('a PromQL duration', () => {
  test('a PromQL duration is in seconds where it can be', () => {
    expect([60_000, 1_000, 3_600_000].map(promDuration)).toEqual(['60s', '1s', '3600s']);
  });

  test('a PromQL duration is in milliseconds where seconds do not do', () => {
    expect([1_500, 100, 0.6].map(promDuration)).toEqual(['1500ms', '100ms', '1ms']);
  });
});
