import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'disclosures' })
export class DisclosureRow {
  @PrimaryColumn({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @PrimaryColumn({ name: 'decision_id', type: 'text' })
  decisionId!: string;

  @Column({ name: 'secret_id', type: 'uuid', nullable: true })
  secretId!: string | null;

  @Column({ type: 'text' })
  path!: string;

  @Column({ type: 'integer' })
  version!: number;

  @Column({ name: 'subject_type', type: 'text' })
  subjectType!: string;

  @Column({ name: 'subject_id', type: 'text' })
  subjectId!: string;

  @Column({ type: 'text', nullable: true })
  credential!: string | null;

  @Column({ type: 'boolean' })
  allowed!: boolean;

  @Column({ type: 'text' })
  reason!: string;

  @Column({ name: 'correlation_id', type: 'text' })
  correlationId!: string;

  @Column({ name: 'occurred_at', type: 'timestamptz' })
  occurredAt!: Date;
}
