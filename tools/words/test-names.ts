// The names of tests: each is a whole sentence, which a report shows without the describe around it. A name that begins in the middle of a
// sentence is found here; for a table whose name is its first cell, that cell.

import { type Node, parseSync } from 'oxc-parser';
import { childrenOf } from './prose.ts';

/** A name that is no whole sentence. */
export interface Fragment {
  readonly line: number;
  readonly name: string;
}

/** Words that continue a sentence and do not begin one, and those that stand for a subject which is named elsewhere. */
const CONTINUES =
  /^(?:it|its|they|is|are|was|were|be|has|have|had|does|do|did|can|cannot|may|must|will|would|that|of|whose|which|and|or|but|as|than|then|also|not|never|unless|until|because)\b/i;
/** A table that shows its first cell, or the field `name`, and nothing else. */
const ONLY_CELL = /^(?:%s|\$name)$/;
const CALLS: ReadonlySet<string> = new Set(['test', 'it']);

/** The names of tests in a file that are fragments. @throws Error when it cannot be parsed */
export function findFragments(path: string, content: string): readonly Fragment[] {
  const { program, errors } = parseSync(path, content);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path} cannot be parsed: ${error.message}`);
  return listNames(program)
    .filter(({ text }) => CONTINUES.test(text))
    .map(({ text, start }) => ({ line: content.slice(0, start).split('\n').length, name: text }));
}

interface Name {
  readonly text: string;
  readonly start: number;
}

function listNames(node: Node): readonly Name[] {
  return [...namesOfCall(node), ...childrenOf(node).flatMap(listNames)];
}

function namesOfCall(node: Node): readonly Name[] {
  if (node.type !== 'CallExpression' || !CALLS.has(calledName(node.callee))) return [];
  const [first] = node.arguments;
  const name = first === undefined ? undefined : textOf(first);
  if (name === undefined) return [];
  return ONLY_CELL.test(name.text) ? cellsOf(node.callee) : [name];
}

/** `test` of `test(…)`, `test.skip(…)` and `test.each(…)(…)`. */
function calledName(callee: Node): string {
  if (callee.type === 'Identifier') return callee.name;
  if (callee.type === 'MemberExpression') return calledName(callee.object);
  return callee.type === 'CallExpression' ? calledName(callee.callee) : '';
}

/** What the rows of a table show in front, where they are written beside it. */
function cellsOf(callee: Node): readonly Name[] {
  const [table] = callee.type === 'CallExpression' ? callee.arguments : [];
  const rows = table === undefined ? undefined : withoutType(table);
  if (rows?.type !== 'ArrayExpression') return [];
  return rows.elements.flatMap((row) => {
    const cell = row === null ? undefined : frontOf(row);
    return cell === undefined ? [] : (textOf(cell) ?? []);
  });
}

function frontOf(row: Node): Node | undefined {
  if (row.type === 'ArrayExpression') return row.elements[0] ?? undefined;
  if (row.type !== 'ObjectExpression') return row;
  const name = row.properties.find((property) => property.type === 'Property' && isNamed(property.key, 'name'));
  return name?.type === 'Property' ? name.value : undefined;
}

function isNamed(key: Node, name: string): boolean {
  return key.type === 'Identifier' && key.name === name;
}

/** `[…] as const` is a table too. */
function withoutType(node: Node): Node {
  return node.type === 'TSAsExpression' || node.type === 'TSSatisfiesExpression' ? withoutType(node.expression) : node;
}

function textOf(node: Node): Name | undefined {
  if (node.type === 'Literal' && typeof node.value === 'string') return { text: node.value, start: node.start };
  return node.type === 'TemplateLiteral' ? { text: node.quasis[0]?.value.raw ?? '', start: node.start } : undefined;
}
