// Runs a program inside the lab's network: brings the lab up and starts the program again there, unless it is there already.

import { runCommand } from '../lab/commands.ts';
import { isInsideLab } from '../lab/netns.ts';
import { labKind } from '../lab/settings.ts';

function isEntered(): boolean {
  if (process.env['LAB_KIND'] === undefined || process.env['KUBECONFIG'] === undefined) return false;
  return labKind() !== 'bare' || isInsideLab();
}

/**
 * Makes sure that the program runs where the lab's addresses answer.
 * @param file the program
 * @param words its arguments
 * @returns the exit code of the program that ran inside, or undefined when this is inside and has to go on
 */
export async function enterLab(file: string, words: readonly string[]): Promise<number | undefined> {
  if (isEntered()) return undefined;
  const up = await runCommand(['up']);
  return up === 0 ? runCommand(['exec', '--', process.execPath, file, ...words]) : up;
}
