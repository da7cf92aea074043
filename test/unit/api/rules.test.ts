import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { quoteCel, toCelRule, withRules } from '../../../src/api/rules.ts';

describe('a rule for two readers', () => {
  test('a plain message stays a message', () => {
    expect(toCelRule({ cel: 'self > 0', message: "it's positive" })).toEqual({ rule: 'self > 0', message: "it's positive" });
  });

  test('placeholders become an expression with quoted text around them', () => {
    expect(toCelRule({ cel: 'true', message: "check {self.name}: don't, not {self}", fieldPath: '.a' })).toEqual({
      rule: 'true',
      messageExpression: "'check ' + self.name + ': don\\'t, not ' + self",
      fieldPath: '.a',
    });
  });

  test('quoting leaves nothing that could end the literal', () => {
    expect(quoteCel("a'b\\c")).toBe("'a\\'b\\\\c'");
  });

  test('the parser says the same words at the same path', () => {
    const schema = withRules(z.object({ name: z.string(), size: z.int() }), [
      { cel: 'self.size > 0', message: '{self.name} is too small', holds: (self) => self.size > 0, fieldPath: '.size' },
    ]);
    expect(schema.safeParse({ name: 'a', size: 1 }).success).toBe(true);
    expect(schema.safeParse({ name: 'a', size: 0 }).error?.issues).toMatchObject([{ path: ['size'], message: 'a is too small' }]);
  });
});
