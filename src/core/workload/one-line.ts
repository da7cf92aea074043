// What somebody else wrote, such as the last words of a container, as one line that can be printed.

const MOST_SAID = 300;
const ESCAPE = '\u001b';
/** What follows an escape character: colours, cursor moves, titles (ECMA-48). Logs are full of them. */
const ESCAPED = /^(?:\[[0-?]*[ -/]*[@-~]|\][^\p{Cc}]*\p{Cc}?|[@-Z\\^_])/u;
/** Control and format characters: the first break a terminal, the second turn a line around or hide a part of it. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}]+/gu;

/** One line; of a long text the end, which is where an error stands. */
export function toOneLine(text: string): string {
  const line = withoutEscapes(text).replace(/\s+/g, ' ').replace(UNPRINTABLE, '').trim();
  if (line.length <= MOST_SAID) return line;
  // Not in the middle of a character.
  return `… ${line.slice(-MOST_SAID).replace(/^[\udc00-\udfff]/, '')}`;
}

/** Without what would move a cursor, set a title or turn a line around; line breaks and tabs stay. */
export function withoutControls(text: string): string {
  return withoutEscapes(text).replace(UNPRINTABLE, (found) => found.replaceAll(/[^\n\t]/gu, ''));
}

/** The same of every text in a value of JSON. The value itself where there is nothing to take out. */
export function withCleanTexts(value: unknown): unknown {
  if (typeof value === 'string') return withoutControls(value);
  if (Array.isArray(value)) return value.map(withCleanTexts);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [withoutControls(key), withCleanTexts(field)]));
}

function withoutEscapes(text: string): string {
  const [first = '', ...others] = text.split(ESCAPE);
  return [first, ...others.map((part) => part.replace(ESCAPED, ''))].join('');
}
