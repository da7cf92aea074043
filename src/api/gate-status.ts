// The schema of `status.release.gates`: what became of each gate, with the times and names by which a restarted operator finds what was
// under way.
import * as z from 'zod';
import { type Exact, countField, openEnum, textField, timeField } from './fields.ts';

const GATE_STATES = ['Pending', 'Running', 'Passed', 'Failed', 'Unknown', 'Skipped', 'Stopped'] as const;
/**
 * Unknown: an operator ended while it was running, or its Job was deleted, so its result is not known. Skipped: a person continued without it.
 * Stopped: the release moved on, and what was running was ended.
 */
export type GateState = (typeof GATE_STATES)[number];

/** One gate. */
export const gateStatusSchema = z.object({
  name: textField(63),
  stage: textField(63).optional().describe('Name or number of its stage; absent for a gate of the promotion.'),
  kind: openEnum(['Job', 'HTTP']),
  during: openEnum(['stage']).optional(),
  state: openEnum(GATE_STATES),
  attempts: countField(0, 1_000_000).describe('Number of Jobs created, or of requests sent.'),
  startedAt: timeField().optional(),
  finishedAt: timeField().optional(),
  message: textField(512, 0).optional().describe('What was found last.'),
  log: textField(1_024, 0).optional().describe('Last lines of the log of its pod.'),
  timedOut: z.boolean().optional().describe('True when it failed because its timeout passed.'),
  by: textField(256).optional().describe('Who continued without it.'),
  job: textField(63).optional().describe('Name of its Job.'),
  jobUid: textField(63).optional().describe('Uid of its Job, once it was seen.'),
  sentAt: timeField().optional().describe('When the request was sent that is not answered yet.'),
  nextAt: timeField().optional().describe('When the request is repeated.'),
});

export type GateStatus = Exact<z.output<typeof gateStatusSchema>>;
