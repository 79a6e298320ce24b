import type { Area, AreaContext } from '../area.js';
import { AcceptInvitationController } from './invitation/accept-invitation/accept-invitation.controller.js';
import { ChangeInvitationController } from './invitation/change-invitation/change-invitation.controller.js';
import { CreateInvitationController } from './invitation/create-invitation/create-invitation.controller.js';
import { InvitationAddresses } from './invitation/invitation-addresses.service.js';
import { InvitationListController } from './invitation/invitation-list/invitation-list.controller.js';
import { invitationsProjection } from './invitation/invitations.projection.js';
import { Invitations } from './invitation/invitations.service.js';
import { Inviting } from './invitation/inviting.service.js';
import { LookAtInvitationController } from './invitation/look-at-invitation/look-at-invitation.controller.js';
import { ChangeRoleController } from './member/change-role/change-role.controller.js';
import { MemberListController } from './member/member-list/member-list.controller.js';
import { membershipData } from './member/membership-data.service.js';
import { RemoveMemberController } from './member/remove-member/remove-member.controller.js';
import { TransferController } from './member/transfer/transfer.controller.js';
import { Memberships } from './memberships.service.js';
import { ChangeTenantController } from './organization/change-tenant/change-tenant.controller.js';
import { CloseTenantController } from './organization/close-tenant/close-tenant.controller.js';
import {
  CreateOrganizationController,
  ORGANIZATION_LIMIT,
} from './organization/create-organization/create-organization.controller.js';
import { ReadTenantController } from './organization/read-tenant/read-tenant.controller.js';
import { TenantListController } from './organization/tenant-list/tenant-list.controller.js';
import { tenantsProjection } from './organization/tenants.projection.js';
import { ChangeProjectController } from './project/change-project/change-project.controller.js';
import { EnvironmentsController } from './project/environments/environments.controller.js';
import { ProjectListController } from './project/project-list/project-list.controller.js';
import { ProjectRolesController } from './project/project-roles/project-roles.controller.js';
import { projectsProjection } from './project/projects.projection.js';
import { ChangeTeamController } from './team/change-team/change-team.controller.js';
import { TeamListController } from './team/team-list/team-list.controller.js';
import { TeamMembersController } from './team/team-members/team-members.controller.js';
import { teamsProjection } from './team/teams.projection.js';
import { Tenancy1700000000010 } from './tenancy.migration.js';

export const tenancyArea: Area = {
  migrations: [Tenancy1700000000010],
  inline: (secrets) => [tenantsProjection, invitationsProjection(secrets), teamsProjection, projectsProjection],
  compose: (context) => {
    const { system } = context.platform.database;
    const addresses = new InvitationAddresses(system, context.subjectKeys);
    return {
      controllers: [
        ...[CreateOrganizationController, TenantListController, ReadTenantController],
        ...[ChangeTenantController, CloseTenantController, TransferController],
        ...[MemberListController, ChangeRoleController, RemoveMemberController],
        ...[
          CreateInvitationController,
          InvitationListController,
          ChangeInvitationController,
          AcceptInvitationController,
          LookAtInvitationController,
        ],
        ...[TeamListController, ChangeTeamController, TeamMembersController],
        ...[ProjectListController, ChangeProjectController, EnvironmentsController, ProjectRolesController],
      ],
      providers: [
        { provide: Memberships, useValue: context.memberships },
        { provide: ORGANIZATION_LIMIT, useValue: context.settings.ORGANIZATIONS_PER_PERSON },
        { provide: Inviting, useValue: invitingOf(context) },
        { provide: Invitations, useValue: invitationsOf(context) },
      ],
      personalData: [membershipData(system), addresses.personalData],
      retention: [addresses.retention],
    };
  },
};

const invitingOf = ({ platform, settings, ...parts }: AreaContext): Inviting =>
  new Inviting({
    ...parts,
    pool: platform.database.system,
    publicUrl: settings.PUBLIC_URL,
    dailyLimit: settings.INVITATIONS_PER_DAY,
  });

/** Acceptance of invitations, for registration too: `context` has all it needs. */
export const invitationsOf = ({ platform, store, people, memberships, pepper }: AreaContext): Invitations =>
  new Invitations({ pool: platform.database.system, store, people, memberships, pepper });
