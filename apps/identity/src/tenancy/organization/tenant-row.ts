import type { z } from 'zod';
import { refusal } from '../refusals.js';
import type { TenantKind } from './tenant.js';
import type { tenantView } from './tenant-view.js';

export interface TenantRow {
  readonly tenantId: string;
  readonly name: string;
  readonly kind: TenantKind;
  readonly status: 'active' | 'closed';
  readonly requireSecondFactor: boolean;
  readonly revision: number;
}

/** @throws Refusal `not_found` */
export function viewOfTenant(row: TenantRow | undefined): z.output<typeof tenantView> {
  if (!row) throw refusal('not_found');
  const { requireSecondFactor, ...shown } = row;
  return { ...shown, settings: { requireSecondFactor } };
}
