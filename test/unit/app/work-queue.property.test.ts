import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Priority, WorkQueue } from '../../../src/app/queue/work-queue.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

type Step =
  | { readonly kind: 'add'; readonly key: string; readonly priority: Priority }
  | { readonly kind: 'addAt'; readonly key: string; readonly inMs: number; readonly priority: Priority }
  | { readonly kind: 'end'; readonly nth: number; readonly fails: boolean }
  | { readonly kind: 'move'; readonly ms: number };

const key = fc.integer({ min: 0, max: 6 }).map((index) => `key ${index}`);
const priority = fc.constantFrom<Priority>('urgent', 'normal');
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), key, priority }),
  fc.record({ kind: fc.constant('addAt' as const), key, inMs: fc.integer({ min: -5, max: 40 }), priority }),
  fc.record({ kind: fc.constant('end' as const), nth: fc.nat(10), fails: fc.boolean() }),
  fc.record({ kind: fc.constant('move' as const), ms: fc.integer({ min: 0, max: 30 }) }),
);

/** A queue under test with what it owes: keys that were added, and the earliest time planned for each key. */
class Bench {
  readonly clock = new VirtualClock(0);
  readonly added = new Set<string>();
  readonly planned = new Map<string, number>();
  /** Kept here and not thrown: the queue takes what its work throws for an ordinary failure. */
  readonly violations: string[] = [];
  readonly open: { readonly key: string; readonly end: (fails: boolean) => void }[] = [];
  readonly queue: WorkQueue;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
    this.queue = new WorkQueue({
      clock: this.clock,
      maxConcurrent: most,
      random: () => 0.5,
      process: (name) => this.#begin(name),
      onFailure: (name, _error, retryAtMs) => this.plan(name, retryAtMs),
    });
    this.queue.start();
  }

  plan(name: string, atMs: number): void {
    const nowMs = this.clock.now();
    if ((this.planned.get(name) ?? Number.POSITIVE_INFINITY) <= nowMs) {
      this.planned.delete(name);
      this.added.add(name);
    }
    if (atMs <= nowMs) this.added.add(name);
    else this.planned.set(name, Math.min(this.planned.get(name) ?? atMs, atMs));
  }

  get owes(): boolean {
    return this.added.size > 0 || this.planned.size > 0;
  }

  async apply(step: Step): Promise<void> {
    const nowMs = this.clock.now();
    switch (step.kind) {
      case 'add':
        this.added.add(step.key);
        this.queue.add(step.key, step.priority);
        break;
      case 'addAt':
        this.plan(step.key, nowMs + step.inMs);
        this.queue.addAt(step.key, nowMs + step.inMs, step.priority);
        break;
      case 'end':
        this.open.splice(step.nth % Math.max(1, this.open.length), 1)[0]?.end(step.fails);
        break;
      case 'move':
        await this.clock.runBy(step.ms);
        break;
    }
    await this.clock.runBy(0);
    this.checkNothingIsLate();
  }

  /** A key that is owed by now either runs itself (and comes again) or waits because all workers are taken. */
  checkNothingIsLate(): void {
    const running = new Set(this.open.map((work) => work.key));
    const late = [...this.#owedNow()].filter((name) => !running.has(name));
    if (this.open.length < this.#most) expect(late).toEqual([]);
    expect(this.violations).toEqual([]);
  }

  #owedNow(): ReadonlySet<string> {
    const due = [...this.planned].filter(([, atMs]) => atMs <= this.clock.now());
    return new Set([...this.added, ...due.map(([name]) => name)]);
  }

  #begin(name: string): Promise<void> {
    if (this.open.some((work) => work.key === name)) this.violations.push(`${name} is processed twice`);
    if (this.open.length >= this.#most) this.violations.push(`${name} is one too many`);
    if (!this.#owedNow().has(name)) this.violations.push(`nobody asked for ${name}`);
    this.added.delete(name);
    if ((this.planned.get(name) ?? Number.POSITIVE_INFINITY) <= this.clock.now()) this.planned.delete(name);
    return new Promise((resolve, reject) => {
      this.open.push({ key: name, end: (fails) => (fails ? reject(new Error('no')) : resolve()) });
    });
  }
}

test('no key is processed twice at once or unasked, and nothing that was added is lost, whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(anyStep, { maxLength: 60 }), async (most, steps) => {
      const bench = new Bench(most);
      for (const step of steps) await bench.apply(step);
      for (let round = 0; round < 500 && (bench.owes || bench.open.length > 0); round++) {
        if (bench.open.length > 0) await bench.apply({ kind: 'end', nth: 0, fails: false });
        else await bench.apply({ kind: 'move', ms: 1_000 });
      }
      expect(bench.open).toEqual([]);
      expect(bench.owes).toBe(false);
      expect(bench.queue.depth).toBe(0);
    }),
    { numRuns: 300 },
  );
}, 30_000);
