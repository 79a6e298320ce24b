import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'keys' })
export class KeyRow {
  @PrimaryColumn({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @PrimaryColumn({ name: 'key_id', type: 'uuid' })
  keyId!: string;

  @Column({ type: 'text' })
  family!: 'mas' | 'mau';

  @Column({ type: 'text' })
  name!: string;

  @Column({ name: 'principal_type', type: 'text' })
  principalType!: 'service' | 'user';

  @Column({ name: 'principal_id', type: 'text' })
  principalId!: string;

  @Column({ type: 'text', array: true })
  roles!: string[];

  @Column({ name: 'display_prefix', type: 'text' })
  displayPrefix!: string;

  @Column({ type: 'boolean' })
  enabled!: boolean;

  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true })
  expiresAt!: Date | null;

  @Column({ type: 'text', array: true, nullable: true })
  networks!: string[] | null;

  @Column({ type: 'text', array: true, nullable: true })
  scopes!: string[] | null;

  @Column({ type: 'boolean' })
  imported!: boolean;

  @Column({ name: 'rotated_at', type: 'timestamptz', nullable: true })
  rotatedAt!: Date | null;

  @Column({ name: 'previous_until', type: 'timestamptz', nullable: true })
  previousUntil!: Date | null;

  @Column({ type: 'integer' })
  revision!: number;
}
