import type { Command } from '../command.js';
import { activateVersion, approveRequest, rejectRequest, rollBack, setMode } from './activations.js';
import { applyPolicy, diffPolicy } from './apply.js';
import { explainDecision } from './explain.js';
import { lintPolicies } from './lint.js';
import { showMatrix } from './matrix.js';
import { showSchema } from './schema.js';
import { whatCan, whoCan } from './search.js';
import { simulatePolicy } from './simulate.js';
import { testPolicy } from './test-policy.js';
import { tightenPolicy } from './tighten.js';
import { showVersion, showVersions } from './versions.js';

export const policyCommands: readonly Command[] = [
  ...[lintPolicies, testPolicy, showSchema],
  ...[diffPolicy, applyPolicy, showVersions, showVersion, activateVersion, rollBack, approveRequest, rejectRequest],
  ...[setMode, showMatrix, simulatePolicy, tightenPolicy, whoCan, whatCan, explainDecision],
];
