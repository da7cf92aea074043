// The words of config/deployment-mode/hold-warning.yaml: whoever resumes what is held is told a command that the operator obeys in
// the phase that the release is in.
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { formatCommand } from '../../src/api/command.ts';
import { COMMAND_ANNOTATION, COMMAND_VERBS } from '../../src/api/names.ts';
import { readCommand } from '../../src/core/release/commands/read.ts';
import { phaseOf, STATES, type StateName } from '../../src/core/release/state.ts';
import { aRelease, aReleaseStatus, aSpec, aStatus, timeAfter } from '../fixtures/builders.ts';

interface Policy {
  readonly spec: {
    readonly variables: readonly { readonly name: string; readonly expression: string }[];
    readonly validations: readonly { readonly messageExpression: string }[];
  };
}

const FILE = new URL('../../config/deployment-mode/hold-warning.yaml', import.meta.url);
const [{ spec: policy } = { spec: { variables: [], validations: [] } }] = parseAllDocuments(readFileSync(FILE, 'utf8')).map(
  (document) => document.toJS() as Policy,
);

/** What of CEL these expressions use is JavaScript, but for optional fields. */
function evaluate(expression: string, world: object): unknown {
  const script = expression.replaceAll(/(\w[\w.]*)\.\?([\w.]+)\.orValue\(([^)]*)\)/g, (_all, head: string, rest: string, other: string) => {
    return `(${`${head}.${rest}`.replaceAll('.', '?.')} ?? ${other})`;
  });
  return runInNewContext(script, world);
}

function messagesFor(params: object): readonly string[] {
  const variables: Record<string, unknown> = {};
  for (const { name, expression } of policy.variables) variables[name] = evaluate(expression, { params, variables });
  return policy.validations.map(({ messageExpression }) => String(evaluate(messageExpression, { params, variables })));
}

const metadata = { name: 'store', namespace: 'shop' };

function resumedIn(phase: string | undefined, spec: object = {}): string {
  return messagesFor({ metadata, spec, ...(phase === undefined ? {} : { status: { phase } }) })[1] ?? '';
}

/** The command of the sentence in the middle. */
function commandIn(message: string): string | undefined {
  return /kubectl canary (\w+) store -n shop; in an emergency/.exec(message)?.[1];
}

describe('whoever resumes what is held', () => {
  test.each([
    ['AwaitingApproval', 'approve'],
    ['Paused', 'resume'],
    ['Analyzing', 'promote'],
    ['RolledBack', 'retry'],
    ['Preparing', 'explain'],
    ['Promoting', 'explain'],
    ['Blocked', 'explain'],
    [undefined, 'explain'],
  ])('the warning in phase %s says %s', (phase, verb) => {
    expect(commandIn(resumedIn(phase))).toBe(verb);
  });

  test.each(STATES)('the warning in state %s names no command that the operator refuses', (state: StateName) => {
    const verb = COMMAND_VERBS.find((one) => one === commandIn(resumedIn(phaseOf(state))));
    if (verb === undefined) return;
    const release = aReleaseStatus();
    const command = formatCommand({ verb, id: release.id, at: timeAfter(1), ...(verb === 'approve' ? { stage: 1 } : {}) });
    const spec = aSpec({ stages: [{ weight: 5, approval: 'Required' }, { weight: 50 }] });
    const object = aRelease({ spec, metadata: { annotations: { [COMMAND_ANNOTATION]: command } } });
    const read = readCommand(object, aStatus({ state, release }), state, Date.parse(timeAfter(2)));
    expect(read).toMatchObject({ verb });
    expect(read?.refusal).toBeUndefined();
  });

  test('the warning about a rolled back version says to revert it, and about one that the spec pauses to unpause it', () => {
    expect(resumedIn('RolledBack')).toContain('it was rolled back: revert it, or retry it: kubectl canary retry store -n shop;');
    expect(resumedIn('Idle', { paused: true })).toContain('; spec.paused of the release is true: set it to false;');
  });

  test('always names the holder and what to do in an emergency', () => {
    for (const state of STATES) {
      expect(resumedIn(phaseOf(state))).toMatch(
        /^stays held by canaryrelease\/store: only the operator rolls it out, after its canary has passed; .*; in an emergency: kubectl delete canaryrelease store -n shop$/,
      );
    }
  });
});

test('A change of the template is answered with what is also true of a promoted one', () => {
  expect(messagesFor({ metadata, spec: {} })[0]).toBe(
    'held by canaryrelease/store: a canary of this change starts first, unless it was promoted before and rolls out at once; follow it with kubectl canary watch store -n shop',
  );
});
