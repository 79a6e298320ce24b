import { checkBannedWords } from './banned-words.js';
import { checkDecisionRecords, checkLinks, checkNamedTests, checkReadmes } from './documents.js';
import { checkManifests, checkRootReferences } from './manifests.js';
import { checkPathNames, checkTypeNames } from './names.js';
import { checkFileSize, checkFunctionSize } from './size.js';
import { checkStrayFiles } from './stray-files.js';
import type { Check } from './tree.js';

/** Every rule of this repository that a machine can judge and that neither the compiler nor Biome knows. */
export const checks: Readonly<Record<string, Check>> = {
  'files are short': checkFileSize,
  'functions are short': checkFunctionSize,
  'nothing strays into the tree': checkStrayFiles,
  'no banned word': checkBannedWords,
  'paths say what is inside': checkPathNames,
  'types are named after things': checkTypeNames,
  'imports, package.json and tsconfig.json agree': checkManifests,
  'the root compiles every workspace': checkRootReferences,
  'every app and lib explains itself': checkReadmes,
  'links lead somewhere': checkLinks,
  'tests that documents name exist': checkNamedTests,
  'decision records are complete': checkDecisionRecords,
};
