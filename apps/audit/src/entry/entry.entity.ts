import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Indexes stay below 2^53: at 10,000 entries a second that is 28,000 years. */
const asNumber = { from: Number, to: (value: unknown) => value };

/** One entry of the ledger, for reading; only the sequencer writes them, and nothing changes them. */
@Entity({ name: 'entries' })
export class EntryRecord {
  @PrimaryColumn({ name: 'idx', type: 'bigint', transformer: asNumber })
  index!: number;

  @Column({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  /** The service whose log it comes from. */
  @Column({ type: 'text' })
  source!: string;

  @Column({ name: 'occurred_at', type: 'timestamptz' })
  occurredAt!: Date;

  @Column({ name: 'leaf_hash', type: 'bytea' })
  leafHash!: Buffer;

  /** Canonical JSON of the event, exactly as it was received: the bytes that are hashed. */
  @Column({ type: 'text' })
  envelope!: string;
}
