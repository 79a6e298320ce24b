import type { Command } from '../command.js';
import { invite } from './invite.js';
import { changeRole, leaveOrganization, listMembers, removeMember, transferOwnership } from './members.js';
import {
  closeOrganization,
  createOrganization,
  listOrganizations,
  renameOrganization,
  showOrganization,
} from './organizations.js';

export const organizationCommands: readonly Command[] = [
  ...[listOrganizations, createOrganization, showOrganization, renameOrganization, closeOrganization],
  ...[listMembers, invite, removeMember, changeRole, leaveOrganization, transferOwnership],
];
