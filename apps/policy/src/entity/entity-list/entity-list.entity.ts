import type { Entity as Name } from '@gatehouse/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'entities' })
export class EntityRow {
  @PrimaryColumn({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @PrimaryColumn({ name: 'entity_type', type: 'text' })
  entityType!: string;

  @PrimaryColumn({ name: 'entity_id', type: 'text' })
  entityId!: string;

  @Column({ type: 'jsonb' })
  labels!: Record<string, string>;

  @Column({ type: 'jsonb' })
  properties!: Record<string, unknown>;

  @Column({ type: 'jsonb' })
  parents!: Name[];

  @Column({ name: 'owner_type', type: 'text', nullable: true })
  ownerType!: string | null;

  @Column({ name: 'owner_id', type: 'text', nullable: true })
  ownerId!: string | null;

  @Column({ type: 'integer' })
  revision!: number;

  @Column({ name: 'described_by_type', type: 'text' })
  describedByType!: string;

  @Column({ name: 'described_by_id', type: 'text' })
  describedById!: string;

  @Column({ name: 'described_at', type: 'timestamptz' })
  describedAt!: Date;
}
