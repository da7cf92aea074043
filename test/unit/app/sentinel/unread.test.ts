// What is told of pods that do not answer.
import { describe, expect, test } from 'vitest';
import { Unread } from '../../../../src/app/sentinel/unread.ts';

const good = { ok: true, target: 'gw/a', samples: [] } as const;
const bad = (message: string) => ({ ok: false, target: 'gw/b', message }) as const;

describe('pods that do not answer', () => {
  test('a pod is told after five rounds, in the words of its first answer, until it answers', () => {
    const unread = new Unread();
    for (let round = 1; round < 5; round += 1) unread.note({ answers: [good, bad('cannot be reached')], problems: [] });
    expect(unread.text).toBeUndefined();
    unread.note({ answers: [good, bad('cannot be reached')], problems: [] });
    expect(unread.text).toBe('1 of 2 gateway pods not read: gw/b cannot be reached');
    unread.note({ answers: [good, bad('answered with status 503')], problems: [] });
    expect(unread.text).toBe('1 of 2 gateway pods not read: gw/b cannot be reached');
    unread.note({ answers: [good, { ...good, target: 'gw/b' }], problems: [] });
    expect(unread.text).toBeUndefined();
  });

  test('pods that cannot be listed are told at once', () => {
    const unread = new Unread();
    unread.note({ answers: [], problems: ['no running pods of namespace gw with the label app=envoy'] });
    expect(unread.text).toBe('no running pods of namespace gw with the label app=envoy');
  });
});
