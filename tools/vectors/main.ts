// `npm run vectors -- FILE`: runs a file of numeric vectors, names those that are not met, and ends with a count.

import { readFileSync } from 'node:fs';
import { parseVectors, runVector, type VectorFile } from './vectors.ts';

function readVectors(path: string): VectorFile {
  try {
    return parseVectors(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`Cannot read vectors from ${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function runFile(path: string): number {
  const { vectors, grids } = readVectors(path);
  let failed = 0;
  for (const vector of vectors) {
    const miss = runVector(vector, grids);
    if (miss === undefined) continue;
    failed += 1;
    console.log(`${miss.id}: got ${miss.got}, expected ${miss.expected}`);
  }
  console.log(`${vectors.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

const [path] = process.argv.slice(2);
try {
  if (path === undefined) throw new Error('Usage: npm run --silent vectors -- FILE');
  process.exitCode = runFile(path);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
