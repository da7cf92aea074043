// `npm run generate`: writes what is derived from the source into the repository: the CRD, and parts of the README.
import { readFileSync, writeFileSync } from 'node:fs';
import { CRD_FILE, renderCrd } from './crd.ts';
import { README_FILE, renderReadme } from './readme.ts';

writeFileSync(CRD_FILE, renderCrd());
writeFileSync(README_FILE, renderReadme(readFileSync(README_FILE, 'utf8')));
process.stdout.write(`wrote ${CRD_FILE.pathname} and ${README_FILE.pathname}\n`);
