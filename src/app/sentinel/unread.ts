// Which pods of a gateway have not answered for some seconds, in words that change only when something changed for a reader.

import type { GatewayRound } from '../../ports/gateways.ts';

/** One slow answer is no news. */
const TOLD_AFTER_ROUNDS = 5;

interface Failing {
  readonly rounds: number;
  /** What it said when it was reported first. */
  readonly message: string;
}

export class Unread {
  #failing: ReadonlyMap<string, Failing> = new Map();
  #text: string | undefined;

  /** `1 of 2 gateway pods not read: projectcontour/envoy-x cannot be reached: ...`; undefined where all answer. */
  get text(): string | undefined {
    return this.#text;
  }

  /** Notes a round. */
  note({ answers, problems }: GatewayRound): void {
    const failed = answers.flatMap((answer) => (answer.ok ? [] : [answer]));
    this.#failing = new Map(
      failed.map(({ target, message }) => {
        const before = this.#failing.get(target);
        const isOld = before !== undefined && before.rounds >= TOLD_AFTER_ROUNDS;
        return [target, { rounds: (before?.rounds ?? 0) + 1, message: isOld ? before.message : message }];
      }),
    );
    const told = [...this.#failing].filter(([, { rounds }]) => rounds >= TOLD_AFTER_ROUNDS);
    const [first] = told;
    const pods = first === undefined ? [] : [`${told.length} of ${answers.length} gateway pods not read: ${first[0]} ${first[1].message}`];
    const parts = [...problems, ...pods];
    this.#text = parts.length === 0 ? undefined : parts.join('; ');
  }
}
