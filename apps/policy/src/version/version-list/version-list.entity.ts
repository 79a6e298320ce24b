import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'policy_versions' })
export class VersionRow {
  @PrimaryColumn({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @PrimaryColumn({ type: 'text' })
  digest!: string;

  @Column({ type: 'text' })
  title!: string;

  @Column({ type: 'integer' })
  bytes!: number;

  @Column({ name: 'drafted_by_type', type: 'text' })
  draftedByType!: string;

  @Column({ name: 'drafted_by_id', type: 'text' })
  draftedById!: string;

  @Column({ name: 'drafted_at', type: 'timestamptz' })
  draftedAt!: Date;

  @Column({ name: 'activated_at', type: 'timestamptz', nullable: true })
  activatedAt!: Date | null;
}
