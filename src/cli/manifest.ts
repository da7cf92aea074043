// Reads CanaryReleases from YAML or JSON text without a cluster, and refuses what the API would refuse, with line and column.

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
    throw usageError(`${path} cannot be read (${messageOf(thrown)}); give the file of a CanaryRelease with -f`);
  });
  const releases = readReleases(text, path === '-' ? 'stdin' : path);
  const chosen = name === undefined ? releases : releases.filter(({ metadata }) => metadata.name === name);
  if (chosen.length > 0) return chosen;
  throw usageError(`${path} holds no CanaryRelease ${name}; it has ${releases.map(({ metadata }) => metadata.name).join(', ')}`);
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
  /** Each as `file:line:column: field: what to write`. */
  readonly problems: readonly string[];
}

/** Everything that is wrong at once. Never throws. */
export function inspectReleases(text: string, where: string): Inspected {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines });
  const documents: readonly Document.Parsed[] = Array.isArray(parsed) ? parsed : [];
  const broken = documents.flatMap(({ errors }) => errors);
  if (broken.length > 0) {
    const problems = broken.map(
      ({ message, linePos }) => `${where}:${linePos?.[0].line ?? 1}:${linePos?.[0].col ?? 1}: ${firstLine(message)}`,
    );
    return { releases: [], problems };
  }
  const kinds = documents.map(kindOf);
  const found = documents.filter((_document, index) => kinds[index] === KIND);
  if (found.length === 0)
    return { releases: [], problems: [`${where} holds no CanaryRelease${describeOthers(kinds)}; write kind: ${KIND}`] };
  const problems: string[] = [];
  const releases = found.flatMap((document): readonly CanaryRelease[] => {
    const object: unknown = document.toJS();
    const result = parseRelease(object);
    const wrong = [...findUnknownFields(object), ...(result.ok ? [] : result.problems)];
    problems.push(...wrong.map((problem) => describeProblem(problem, document, lines, where)));
    return result.ok ? [result.release] : [];
  });
  return { releases, problems };
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
  const { line, col } = lines.linePos(offsetOf(document, path));
  return `${where}:${line}:${col}: ${path === '' ? 'the document' : path}: ${message}`;
}

/** Where the field stands; of a field that is missing, where its nearest parent stands. */
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
