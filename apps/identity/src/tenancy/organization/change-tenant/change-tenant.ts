import type { TenantRenamed, TenantSettingsChanged } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { refusal } from '../../refusals.js';
import type { TenantRow } from '../tenant-row.js';

export interface ChangeTenant {
  readonly name?: string | undefined;
  readonly requireSecondFactor?: boolean | undefined;
}

/** @throws Refusal `personal_workspace`: its name would be a word on its person, and stands in clear */
export function changeTenant({ name, requireSecondFactor }: ChangeTenant, tenant: TenantRow): readonly NewEvent[] {
  const events: NewEvent[] = [];
  if (name !== undefined && name !== tenant.name) {
    if (tenant.kind === 'personal') throw refusal('personal_workspace');
    events.push({ type: 'tenant.renamed', version: 1, data: { name } satisfies TenantRenamed });
  }
  if (requireSecondFactor !== undefined && requireSecondFactor !== tenant.requireSecondFactor)
    events.push({
      type: 'tenant.settings_changed',
      version: 1,
      data: { requireSecondFactor } satisfies TenantSettingsChanged,
    });
  return events;
}
