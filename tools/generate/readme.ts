// The parts of the README that are derived from the source: the diagram of the machine and the table of settings.
import { settingsTable } from '../../src/app/settings/settings.ts';
import { renderDiagram } from './diagram.ts';

export const README_FILE = new URL('../../README.md', import.meta.url);

const PARTS: readonly (readonly [name: string, render: () => string])[] = [
  ['diagram', () => `\`\`\`mermaid\n${renderDiagram().trim()}\n\`\`\``],
  ['settings', () => settingsTable().trim()],
];

/** The README with its derived parts as they are now. @throws Error when a marker is missing */
export function renderReadme(readme: string): string {
  return PARTS.reduce((text, [name, render]) => {
    const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`README.md lacks the markers ${begin} and ${end}`);
    return `${text.slice(0, from + begin.length)}\n${render()}\n${text.slice(to)}`;
  }, readme);
}
