import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'relationships' })
export class RelationshipRow {
  @PrimaryColumn({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @PrimaryColumn({ name: 'relationship_id', type: 'text' })
  relationshipId!: string;

  @Column({ name: 'subject_type', type: 'text' })
  subjectType!: string;

  @Column({ name: 'subject_id', type: 'text' })
  subjectId!: string;

  @Column({ type: 'text' })
  relation!: string;

  @Column({ name: 'resource_type', type: 'text' })
  resourceType!: string;

  @Column({ name: 'resource_id', type: 'text' })
  resourceId!: string;

  @Column({ type: 'integer' })
  revision!: number;

  @Column({ name: 'made_by_type', type: 'text' })
  madeByType!: string;

  @Column({ name: 'made_by_id', type: 'text' })
  madeById!: string;

  @Column({ name: 'made_at', type: 'timestamptz' })
  madeAt!: Date;
}
