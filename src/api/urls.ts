// Addresses in a manifest: a scheme, a host and a path, and nothing that could be a secret.
import { textField } from './fields.ts';
import { type Rule, withRules } from './rules.ts';

const PORT = '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
const HOST = '([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])';
const PATH = '(/([A-Za-z0-9._~!$&()*+,;=:/-]|%[0-9A-Fa-f]{2})*)?';
const ADDRESS_PATTERN = `^https?://${HOST}(:${PORT})?${PATH}$`;
const ADDRESS = new RegExp(ADDRESS_PATTERN);
/** Characters that have an error message of their own. */
const MARKS = ['@', '?', '#'];

/** The address itself is in no message: it may contain a password. */
const rulesOf = (examples: readonly [string, ...string[]]): readonly Rule<string>[] => [
  {
    cel: `${MARKS.map((mark) => `self.contains('${mark}')`).join(' || ')} || (self.matches(r'${ADDRESS_PATTERN}') && isURL(self))`,
    message: `url: write an address such as ${examples.join(' or ')}`,
    holds: (self) => MARKS.some((mark) => self.includes(mark)) || (ADDRESS.test(self) && URL.canParse(self)),
  },
  {
    cel: "!self.contains('@')",
    message: 'url: no user or password in the address; use secretRef',
    holds: (self) => !self.includes('@'),
  },
  {
    cel: "!self.contains('?') && !self.contains('#')",
    message: `url: no query or fragment in the address; write it up to the path, such as ${examples[0]}`,
    holds: (self) => !self.includes('?') && !self.includes('#'),
  },
];

/** An address of a manifest. @param examples what a message says should be written instead */
export function urlField(...examples: readonly [string, ...string[]]) {
  return withRules(textField(2048), rulesOf(examples));
}
