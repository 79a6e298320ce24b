import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'grants' })
export class GrantRow {
  @PrimaryColumn({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @PrimaryColumn({ name: 'grant_id', type: 'text' })
  grantId!: string;

  @Column({ name: 'subject_type', type: 'text' })
  subjectType!: string;

  @Column({ name: 'subject_id', type: 'text' })
  subjectId!: string;

  @Column({ type: 'text' })
  role!: string;

  @Column({ type: 'text' })
  scope!: string;

  @Column({ type: 'boolean' })
  active!: boolean;

  @Column({ type: 'integer' })
  revision!: number;

  @Column({ name: 'granted_by_type', type: 'text' })
  grantedByType!: string;

  @Column({ name: 'granted_by_id', type: 'text' })
  grantedById!: string;

  @Column({ name: 'granted_at', type: 'timestamptz' })
  grantedAt!: Date;
}
