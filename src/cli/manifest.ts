// Reads CanaryReleases from YAML or JSON without a cluster, and refuses what the API server would refuse, with line and column.

import { type Document, LineCounter, parseAllDocuments } from 'yaml';
import { KIND } from '../api/names.ts';
import { type CanaryRelease, parseRelease, type Problem } from '../api/release.ts';
import { findUnknownFields } from '../api/unknown-fields.ts';
import { messageOf } from '../api/errors.ts';
import type { CliIo } from './io.ts';
import { usageError } from './usage.ts';

/**
 * The CanaryReleases of a file.
 * @param path `-` is the standard input
 * @param name only the one of this name
 * @throws GlidepathError GLIDEPATH_E_USAGE naming place, field and fix
 */
export async function readReleaseFile(io: CliIo, path: string, name: string | undefined): Promise<readonly CanaryRelease[]> {
  const text = await io.readText(path).catch((thrown: unknown) => {
    throw usageError(`${path} cannot be read (${messageOf(thrown)}); name the file of a CanaryRelease with -f`);
  });
  const releases = readReleases(text, path === '-' ? 'stdin' : path);
  const chosen = name === undefined ? releases : releases.filter(({ metadata }) => metadata.name === name);
  if (chosen.length > 0) return chosen;
  throw usageError(`${path} has no CanaryRelease ${name}; it has ${releases.map(({ metadata }) => metadata.name).join(', ')}`);
}

/** The same from text. @param where name of the text in messages */
export function readReleases(text: string, where: string): readonly CanaryRelease[] {
  const { releases, problems } = inspectReleases(text, where);
  if (problems.length > 0) throw usageError(...problems);
  return releases;
}

/** What a text holds. */
export interface Inspected {
  readonly releases: readonly CanaryRelease[];
  /** Where each release begins, as `file:line:column`. */
  readonly places: readonly string[];
  /** Each as `file:line:column: field: what to write`. */
  readonly problems: readonly string[];
}

/** All problems at once. Never throws. */
export function inspectReleases(text: string, where: string): Inspected {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines });
  const documents: readonly Document.Parsed[] = Array.isArray(parsed) ? parsed : [];
  const broken = documents.flatMap(({ errors }) => errors);
  if (broken.length > 0) {
    const problems = broken.map(
      ({ message, linePos }) => `${where}:${linePos?.[0].line ?? 1}:${linePos?.[0].col ?? 1}: ${firstLine(message)}`,
    );
    return { releases: [], places: [], problems };
  }
  const kinds = documents.map(kindOf);
  const found = documents.filter((_document, index) => kinds[index] === KIND);
  if (found.length === 0)
    return { releases: [], places: [], problems: [`${where} has no CanaryRelease${describeOthers(kinds)}; write kind: ${KIND}`] };
  const problems: string[] = [];
  const places: string[] = [];
  const releases = found.flatMap((document): readonly CanaryRelease[] => {
    const object: unknown = document.toJS();
    const result = parseRelease(object);
    const wrong = [...findUnknownFields(object), ...(result.ok ? [] : result.problems)];
    const inOrder = [...wrong].sort((a, b) => offsetOf(document, a.path) - offsetOf(document, b.path));
    problems.push(...inOrder.map((problem) => describeProblem(problem, document, lines, where)));
    if (!result.ok) return [];
    places.push(placeOf(document, 'metadata.name', lines, where));
    return [result.release];
  });
  return { releases, places, problems };
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
}

function kindOf(document: Document.Parsed): string | undefined {
  const kind: unknown = document.get('kind');
  return typeof kind === 'string' ? kind : undefined;
}

function describeOthers(kinds: readonly (string | undefined)[]): string {
  const others = [...new Set(kinds.filter((kind) => kind !== undefined))];
  return others.length === 0 ? '' : ` (only ${others.join(', ')})`;
}

function describeProblem({ path, message }: Problem, document: Document.Parsed, lines: LineCounter, where: string): string {
  return `${placeOf(document, path, lines, where)}: ${path === '' ? 'the document' : path}: ${sayWhatToWrite(path, message)}`;
}

function placeOf(document: Document.Parsed, path: string, lines: LineCounter, where: string): string {
  const { line, col } = lines.linePos(offsetOf(document, path));
  return `${where}:${line}:${col}`;
}

/** Replaces the messages of the schema library. */
const WORDS: readonly (readonly [pattern: RegExp, says: string])[] = [
  [/^Invalid input: expected (\S+), received undefined$/, 'is missing; write a $1'],
  [/^Invalid input: expected (".*")$/, 'write $1'],
  [/^Invalid input: expected (\S+), received (\S+)$/, 'write a $1, this is a $2'],
  [/^Too small: expected number to be >=(\d+)$/, 'write $1 or more'],
  [/^Too big: expected number to be <=(\d+)$/, 'write $1 or less'],
];

/** Messages of the API name the field themselves, because a client shows them without the path. */
function sayWhatToWrite(path: string, message: string): string {
  const field = /([^.[\]]+)(?:\[\d+\])?$/.exec(path)?.[1] ?? '';
  const bare = message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message;
  const [pattern, says] = WORDS.find(([one]) => one.test(bare)) ?? [undefined, ''];
  return pattern === undefined ? bare : bare.replace(pattern, says);
}

/** The position of the field; of a missing field, that of its nearest parent. */
function offsetOf(document: Document.Parsed, path: string): number {
  const keys = path.split(/[.[\]]+/).filter((part) => part !== '');
  for (let count = keys.length; count > 0; count -= 1) {
    const node: unknown = document.getIn(
      keys.slice(0, count).map((key) => (/^\d+$/.test(key) ? Number(key) : key)),
      true,
    );
    const offset = startOf(node);
    if (offset !== undefined) return offset;
  }
  return startOf(document.contents) ?? 0;
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) return undefined;
  const [start]: readonly unknown[] = node.range;
  return typeof start === 'number' ? start : undefined;
}
