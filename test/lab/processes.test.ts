import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { isRunning, ownMark } from './processes.ts';

describe('the mark of a process', () => {
  test('says that this process runs', () => {
    expect(isRunning(ownMark())).toBe(true);
  });

  test('says that a process is gone when its id was given to another one since', () => {
    expect(isRunning(`${process.pid}-1`)).toBe(false);
  });

  test('says that a process is gone when nothing has its id', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    expect(isRunning(`${child.pid}-1`)).toBe(false);
  });

  test.each(['', 'nothing', '1-', '-'])('takes %j, which marks nothing, for no process', (mark) => {
    expect(isRunning(mark)).toBe(false);
  });
});
