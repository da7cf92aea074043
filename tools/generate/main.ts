// `npm run generate`: writes what is derived from the source into the repository: the CRD, parts of the README, the page of
// reasons, the patches for Argo CD, and the rights that `doctor` asks for.
import { readFileSync, writeFileSync } from 'node:fs';
import { ARGOCD_FOLDER, ARGOCD_PATCH_FILES, renderArgocdPatch } from './argocd-cm.ts';
import { CRD_FILE, renderCrd } from './crd.ts';
import { renderRights, RIGHTS_FILE } from './operator-rights.ts';
import { README_FILE, renderReadme } from './readme.ts';
import { REASONS_FILE, renderReasons } from './reasons.ts';

writeFileSync(CRD_FILE, renderCrd());
writeFileSync(README_FILE, renderReadme(readFileSync(README_FILE, 'utf8')));
writeFileSync(RIGHTS_FILE, renderRights());
writeFileSync(REASONS_FILE, renderReasons());
for (const file of ARGOCD_PATCH_FILES) writeFileSync(new URL(file, ARGOCD_FOLDER), renderArgocdPatch(file));
process.stdout.write(
  `wrote ${CRD_FILE.pathname}, ${README_FILE.pathname}, ${RIGHTS_FILE.pathname}, ${REASONS_FILE.pathname} and the patches in ${ARGOCD_FOLDER.pathname}\n`,
);
