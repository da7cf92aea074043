// The admission policies of config/ and the code must mean the same: the form of a command, the annotations, the route kinds.

import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { formatCommand, parseAbort, parseCommand } from '../../src/api/command.ts';
import {
  ABORT_ANNOTATION,
  ABORT_BY_ANNOTATION,
  COMMAND_ANNOTATION,
  COMMAND_BY_ANNOTATION,
  COMMAND_VERBS,
  IGNORE_PARITY_ANNOTATION,
  MAX_ROUTES,
  ROUTE_KINDS,
} from '../../src/api/names.ts';

interface Policy {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly policyName?: string;
    readonly failurePolicy?: string;
    readonly variables?: readonly { readonly name: string; readonly expression: string }[];
    readonly matchConditions?: readonly { readonly expression: string }[];
    readonly mutations?: readonly { readonly jsonPatch: { readonly expression: string } }[];
    readonly validations?: readonly { readonly expression: string; readonly messageExpression: string; readonly reason: string }[];
  };
}

const CONFIG = new URL('../../config/', import.meta.url);

const policies = ['commands/commands-policy.yaml', 'commands/authors-policy.yaml', 'commands-stamp/stamp-policies.yaml'].flatMap((file) =>
  parseAllDocuments(readFileSync(new URL(file, CONFIG), 'utf8'), { version: '1.1' }).map((document) => document.toJS() as Policy),
);

function find(name: string): Policy['spec'] {
  const found = policies.find(({ kind, metadata }) => kind.endsWith('AdmissionPolicy') && metadata.name === name);
  if (found === undefined) throw new Error(`config/ has no policy ${name}`);
  return found.spec;
}

const validations = find('glidepath-commands').validations ?? [];

/** The regular expression that a variable is held against. RE2 and JavaScript read these alike. */
function formOf(variable: string): RegExp {
  const pattern = validations.map(({ expression }) => new RegExp(`variables\\.${variable}\\.matches\\('(.*)'\\)`).exec(expression)?.[1]);
  return new RegExp(pattern.find((found) => found !== undefined) ?? 'there is no pattern');
}

const AT = '2026-03-04T10:11:12Z';

describe('the form of a command in glidepath-commands', () => {
  const form = formOf('command');
  const examples = [
    ...COMMAND_VERBS.flatMap((verb) => [`${verb}:7c1f0e22ab/1:${AT}`, `${verb}:7c1f0e22ab:${AT}`]),
    'promote:7c1f0e22ab-2:2026-03-04T10:11:12.345Z',
    'approve:7c1f0e22ab-9999/31:2026-12-31T23:59:59.123456789Z',
    '',
    'pause',
    `abort:7c1f0e22ab:${AT}`,
    `Approve:7c1f0e22ab/1:${AT}`,
    `pause:web:${AT}`,
    `pause:7C1F0E22AB:${AT}`,
    `pause:7c1f0e22ab-0:${AT}`,
    `pause:7c1f0e22abc:${AT}`,
    `pause::${AT}`,
    `approve:7c1f0e22ab/first:${AT}`,
    `approve:7c1f0e22ab/0:${AT}`,
    `approve:7c1f0e22ab/100:${AT}`,
    `approve:7c1f0e22ab/1/2:${AT}`,
    `pause:7c1f0e22ab/:${AT}`,
    'pause:7c1f0e22ab',
    'pause:7c1f0e22ab:now',
    'pause:7c1f0e22ab:2026-03-04T10:11:12+01:00',
    'pause:7c1f0e22ab:2026-13-04T10:11:12Z',
    'pause:7c1f0e22ab:2026-03-32T10:11:12Z',
    'pause:7c1f0e22ab:2026-03-04T10:61:12Z',
    'pause:7c1f0e22ab:2026-03-04 10:11:12Z',
    'pause:7c1f0e22ab:2026-03-04T10:11:12.1234567890Z',
    `pause:7c1f0e22ab:${AT}:again`,
  ];

  test.each(examples)('%j is a command for both, or for neither', (text) => {
    expect(form.test(text)).toBe(parseCommand(text).ok);
  });

  test('everything that is written by us is accepted', () => {
    const time = fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(fc.constantFrom(...COMMAND_VERBS), fc.integer({ min: 1, max: 31 }), time, (verb, stage, date) => {
        expect(formatCommand({ verb, id: '7c1f0e22ab', stage, at: date.toISOString() })).toMatch(form);
      }),
    );
  });

  test('everything that it accepts is read by us', () => {
    fc.assert(
      fc.property(fc.stringMatching(form), (text) => {
        expect(parseCommand(text)).toMatchObject({ ok: true });
      }),
    );
  });

  test('the message of glidepath-commands names every verb', () => {
    for (const verb of COMMAND_VERBS) expect(validations[0]?.messageExpression).toContain(verb);
  });
});

test.each(['7c1f0e22ab', '7c1f0e22ab-2', 'true', '7c1f0e22a', '7c1f0e22ab-0', '7c1f0e22ab:now', '7c1f0e22ab 7c1f0e22ac'])(
  '%j is an abort for both, or for neither',
  (text) => {
    expect(formOf('abort').test(text)).toBe(parseAbort(text) !== undefined);
  },
);

describe('the policies', () => {
  const text = policies.map((policy) => JSON.stringify(policy)).join('\n');

  test('the policies know the annotations by our names', () => {
    const named = new Set(text.match(/glidepath\.dev\/[a-z]+(-[a-z]+)*/g));
    const ours = [COMMAND_ANNOTATION, COMMAND_BY_ANNOTATION, ABORT_ANNOTATION, ABORT_BY_ANNOTATION, IGNORE_PARITY_ANNOTATION];
    expect(named).toEqual(new Set(ours));
  });

  test('the policies are each bound, and refuse where they cannot be asked', () => {
    const names = (kind: RegExp) => policies.filter((policy) => kind.test(policy.kind)).map(({ metadata }) => metadata.name);
    expect(names(/Policy$/)).toEqual(['glidepath-commands', 'glidepath-authors', 'glidepath-command-by', 'glidepath-abort-by']);
    expect(names(/PolicyBinding$/)).toEqual(names(/Policy$/));
    for (const { spec, metadata } of policies) expect(['Fail', metadata.name]).toContain(spec.policyName ?? spec.failurePolicy);
  });

  test('the policies say of each refusal which release it is about', () => {
    const all = policies.flatMap(({ spec }) => spec.validations ?? []);
    expect(all).toHaveLength(7 + 4 + MAX_ROUTES);
    for (const { messageExpression, reason } of all) {
      expect(messageExpression).toMatch(/release '\s\+ variables\.name/);
      expect(['Forbidden', 'Invalid']).toContain(reason);
    }
  });

  test('the policies refuse an edit in the same words, whichever of them is asked first', () => {
    const edits = policies.flatMap(({ spec }) =>
      (spec.validations ?? []).filter(({ expression }) => expression.includes("check('update')")),
    );
    expect(new Set(edits.map(({ messageExpression }) => messageExpression)).size).toBe(1);
    expect(edits).toHaveLength(2);
  });

  test('exempt nobody by name', () => {
    expect(text).not.toMatch(/system:|serviceaccount/);
  });

  test('the policies ask for the right to create Jobs where a gate is one', () => {
    const { validations: asked = [] } = find('glidepath-authors');
    expect(asked[3]?.expression).toContain("authorizer.group('batch').resource('jobs').namespace(request.namespace).check('create')");
  });

  test('the policies ask for each of the routes that a release can name, and for every kind where it names none', () => {
    const { variables = [], validations: asked = [] } = find('glidepath-authors');
    const kinds = variables.find(({ name }) => name === 'routes')?.expression;
    expect(kinds?.match(/'[A-Z]+Route'/g)?.slice(1)).toEqual(ROUTE_KINDS.map((kind) => `'${kind}'`));
    const perRoute = asked.slice(4).map(({ expression, messageExpression }) => `${expression}\n${messageExpression}`);
    expect(perRoute).toHaveLength(MAX_ROUTES);
    perRoute.forEach((words, index) => {
      expect(words.replaceAll(`routes[${index}]`, 'routes[0]').replace(`<= ${index} `, '<= 0 ')).toBe(perRoute[0]);
    });
  });
});
