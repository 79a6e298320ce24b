import { gauge } from '@gatehouse/telemetry';
import type { Area } from '../area.js';
import { PolicyVersions1700000000110 } from '../migrations/9-policy-versions.js';
import { EditRoleController } from '../role/edit-role/edit-role.controller.js';
import { RoleController } from '../role/role.controller.js';
import { ActivateVersionController } from './activate-version/activate-version.controller.js';
import { Activating } from './activate-version/activating.service.js';
import { ActivationListController } from './activation-list/activation-list.controller.js';
import { ActivePolicies } from './active-policies.js';
import { ApproveRequestController } from './approve-request/approve-request.controller.js';
import { Checker } from './check/checker.service.js';
import { DraftVersionController } from './draft-version/draft-version.controller.js';
import { Drafting } from './draft-version/drafting.service.js';
import { TestVersionController } from './test-version/test-version.controller.js';
import { VersionListController } from './version-list/version-list.controller.js';
import { VersionRow } from './version-list/version-list.entity.js';
import { versionListProjection } from './version-list/version-list.projection.js';

/** Policies as versions, the access matrix, the mode. */
export const versionArea: Area = {
  migrations: [PolicyVersions1700000000110],
  entities: [VersionRow],
  inline: [versionListProjection],
  compose: ({ platform, store, facts, policies }) => {
    gauge('gatehouse_policies_unusable', 'Tenants whose policy is not in memory', () => policies.state.unavailable);
    gauge('gatehouse_policies_compiled', 'Versions in memory', () => policies.state.compiled);
    gauge('gatehouse_policies_compiled_chars', 'Characters of their texts', () => policies.state.compiledChars);
    const checker = new Checker();
    const { source } = platform.database;
    return {
      controllers: [
        DraftVersionController,
        VersionListController,
        TestVersionController,
        ActivateVersionController,
        ApproveRequestController,
        ActivationListController,
        RoleController,
        EditRoleController,
      ],
      providers: [
        { provide: ActivePolicies, useValue: policies },
        { provide: Checker, useValue: checker },
        { provide: Drafting, useValue: new Drafting({ store, checker, pepper: platform.pepper }) },
        { provide: Activating, useValue: new Activating({ store, source, facts, checker }) },
      ],
      stop: async () => {
        policies.stop();
        await checker.stop();
      },
    };
  },
};
