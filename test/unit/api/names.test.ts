import { describe, expect, test } from 'vitest';
import { CLI_FIELD_MANAGER, EVENT_REASONS, FIELD_MANAGER, PHASES } from '../../../src/api/names.ts';
import * as names from '../../../src/api/names.ts';

describe('names that a cluster sees', () => {
  test('no field manager begins with kubectl, because Flux takes those over', () => {
    expect(FIELD_MANAGER.startsWith('kubectl')).toBe(false);
    expect(CLI_FIELD_MANAGER.startsWith('kubectl')).toBe(false);
    expect(FIELD_MANAGER).not.toBe(CLI_FIELD_MANAGER);
  });

  test('every list holds each word once, in one UpperCamelCase word where Kubernetes wants that', () => {
    for (const list of [PHASES, EVENT_REASONS, names.CONDITION_REASONS, names.CONDITION_TYPES, names.VERDICTS]) {
      expect(new Set(list).size).toBe(list.length);
      for (const word of list) expect(word).toMatch(/^[A-Z][A-Za-z]*$/);
    }
  });

  test('every annotation and label is in our group', () => {
    const keys = [
      names.RELEASE_ANNOTATION,
      names.COMMAND_ANNOTATION,
      names.COMMAND_BY_ANNOTATION,
      names.ABORT_ANNOTATION,
      names.ABORT_BY_ANNOTATION,
      names.IRREVERSIBLE_ANNOTATION,
      names.SCHEMA_ANNOTATION,
      names.FINALIZER,
    ];
    for (const key of keys) expect(key).toMatch(/^glidepath\.dev\/[a-z-]+$/);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
