// `npm run generate`: writes what is derived from the source into the repository: the CRD, parts of the README, and the patches
// for Argo CD.
import { readFileSync, writeFileSync } from 'node:fs';
import { ARGOCD_FOLDER, ARGOCD_PATCH_FILES, renderArgocdPatch } from './argocd-cm.ts';
import { CRD_FILE, renderCrd } from './crd.ts';
import { README_FILE, renderReadme } from './readme.ts';

writeFileSync(CRD_FILE, renderCrd());
writeFileSync(README_FILE, renderReadme(readFileSync(README_FILE, 'utf8')));
for (const file of ARGOCD_PATCH_FILES) writeFileSync(new URL(file, ARGOCD_FOLDER), renderArgocdPatch(file));
process.stdout.write(`wrote ${CRD_FILE.pathname}, ${README_FILE.pathname} and the patches in ${ARGOCD_FOLDER.pathname}\n`);
