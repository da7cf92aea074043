// `npm run generate`: writes what is derived from the source into the repository, at present the CRD.
import { writeFileSync } from 'node:fs';
import { CRD_FILE, renderCrd } from './crd.ts';

writeFileSync(CRD_FILE, renderCrd());
process.stdout.write(`wrote ${CRD_FILE.pathname}\n`);
