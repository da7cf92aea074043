// What people read in a file: comments and string literals of TypeScript, the whole of other files but for inline code of Markdown.

import { extname } from 'node:path';
import { type Node, parseSync, visitorKeys } from 'oxc-parser';

/** Who reads it: `user` reads messages, pages and manifests, `engineer` reads comments. */
export type Reader = 'user' | 'engineer';

/** A connected piece of prose, of the same length as in the file, so that an index in it leads to a line. */
export interface Prose {
  readonly reader: Reader;
  readonly text: string;
  /** Where it begins in the file. */
  readonly start: number;
}

/** The prose of a file. @throws Error when a TypeScript file cannot be parsed */
export function readProse(path: string, content: string): readonly Prose[] {
  return extname(path) === '.ts' ? readTypeScript(path, content) : [readPage(path, content)];
}

/** The line of a piece's index, from 1. */
export function lineAt(content: string, { start }: Prose, index: number): number {
  return content.slice(0, start + index).split('\n').length;
}

/** Pages about the code use its words. */
const FOR_ENGINEERS = /^docs\/(?:architecture\.md|development\.md|decisions\/)/;

function readPage(path: string, content: string): Prose {
  const text = extname(path) === '.md' ? withoutInlineCode(content) : content;
  return { reader: FOR_ENGINEERS.test(path) ? 'engineer' : 'user', text, start: 0 };
}

/** Names in backticks are not prose: each is blanked, and the length stays. */
function withoutInlineCode(text: string): string {
  return text.replaceAll(/(?<!`)`[^`\n]+`(?!`)/g, (code) => ' '.repeat(code.length));
}

function readTypeScript(path: string, content: string): readonly Prose[] {
  const { program, comments, errors } = parseSync(path, content);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path} cannot be parsed: ${error.message}`);
  return [
    ...joinComments(content, comments).map(({ start, end }) => comment(content, start, end)),
    ...listStrings(program)
      .map(({ start, end }): Prose => ({ reader: 'user', text: blankHoles(content.slice(start, end)), start }))
      .filter(({ text }) => /\s/.test(text)),
  ];
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Comment lines that follow each other are one piece: a phrase may be wrapped. */
function joinComments(content: string, comments: readonly Span[]): readonly Span[] {
  const joined: Span[] = [];
  for (const { start, end } of comments) {
    const last = joined.at(-1);
    const connected = last !== undefined && content.slice(last.end, start).trim() === '';
    if (connected) joined[joined.length - 1] = { start: last.start, end };
    else joined.push({ start, end });
  }
  return joined;
}

/** The text of a comment: its marks are blanked. */
function comment(content: string, start: number, end: number): Prose {
  const text = content.slice(start, end).replaceAll(/^\s*(?:\/\/|\/\*+|\*(?!\/))/gm, (mark) => mark.replaceAll(/[/*]/g, ' '));
  return { reader: 'engineer', text: withoutInlineCode(text), start };
}

/** What `${}` holds is code, with strings of its own. */
function blankHoles(literal: string): string {
  return literal.startsWith('`') ? literal.replaceAll(/\$\{[^{}]*\}/g, (hole) => '_'.repeat(hole.length)) : literal;
}

/** String and template literals. Those of a single word are names: union members, keys, imported files. */
function listStrings(node: Node): readonly Span[] {
  const own = (node.type === 'Literal' && typeof node.value === 'string') || node.type === 'TemplateLiteral';
  const inner = childrenOf(node).flatMap(listStrings);
  return own ? [{ start: node.start, end: node.end }, ...inner] : inner;
}

/** The nodes directly below a node. */
export function childrenOf(node: Node): readonly Node[] {
  return (visitorKeys[node.type] ?? [])
    .flatMap((key): readonly unknown[] => [(node as unknown as Record<string, unknown>)[key]].flat())
    .filter((child): child is Node => typeof child === 'object' && child !== null && 'type' in child);
}
