import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { isRunning, ownMark } from './processes.ts';

describe('the mark of a process', () => {
  test('the mark of a process says that this process runs', () => {
    expect(isRunning(ownMark())).toBe(true);
  });

  test('the mark of a process says that a process is gone when its id was given to another one since', () => {
    expect(isRunning(`${process.pid}-1`)).toBe(false);
  });

  test('the mark of a process says that a process is gone when nothing has its id', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    expect(isRunning(`${child.pid}-1`)).toBe(false);
  });

  test.each(['', 'nothing', '1-', '-'])('the mark of a process %j, which marks nothing, stands for no process', (mark) => {
    expect(isRunning(mark)).toBe(false);
  });
});
