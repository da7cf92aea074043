// What a release announces: an event, a notification and a log line are made of it.

import type { EventReason } from '../../../api/names.ts';

export interface ReleaseEvent {
  readonly reason: EventReason;
  readonly message: string;
  readonly warning?: boolean;
  /** The person whose command made it happen, where the command says. */
  readonly by?: string;
}
