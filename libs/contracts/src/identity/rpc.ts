import { z } from 'zod';

/** One credential as a service saw it used since its last report. `ip` is where from; identity seals it if it is personal. */
export const observedUse = z.object({
  keyId: z.uuid(),
  ip: z.string().max(64),
  count: z.int().min(1),
  firstAt: z.iso.datetime(),
  lastAt: z.iso.datetime(),
});
export type ObservedUse = z.infer<typeof observedUse>;

/** Refusals a service gave since its last report, counted by cause and address. */
export const observedRefusal = z.object({
  status: z.union([z.literal(401), z.literal(403)]),
  /** Why: `unknown`, `disabled`, `expired`, `network`, `rotated`, `denied`, ... */
  reason: z.string().max(32),
  /** Absent where nobody was recognised. */
  tenantId: z.string().max(63).optional(),
  keyId: z.uuid().optional(),
  principal: z.object({ type: z.string().max(64), id: z.string().max(256) }).optional(),
  ip: z.string().max(64),
  count: z.int().min(1),
  firstAt: z.iso.datetime(),
  lastAt: z.iso.datetime(),
});
export type ObservedRefusal = z.infer<typeof observedRefusal>;

/** Told by every service every few seconds, in batches: last use of keys, and refusals that alerts are made of. */
export const observe = {
  service: 'identity',
  method: 'observe',
  request: z.object({
    service: z.string().max(31),
    uses: z.array(observedUse).max(1_000),
    refusals: z.array(observedRefusal).max(1_000),
  }),
  response: z.object({ taken: z.int() }),
} as const;
export type ObserveRequest = z.infer<typeof observe.request>;

/** Asked by identity of every service that holds something on a person: one page of it. */
export const personalData = (service: string) =>
  ({
    service,
    method: 'personal_data',
    request: z.object({
      userId: z.uuid(),
      /** Every tenant the person is or was a member of. */
      tenantIds: z.array(z.string().max(63)).max(1_000),
      cursor: z.string().max(256).optional(),
      /** Only what is held of this one event: to show where in the ledger it stands. */
      eventId: z.uuid().optional(),
    }),
    response: z.object({
      /** One kind of record per item, as the service shows it to its own users. */
      items: z.array(z.object({ kind: z.string().max(64), record: z.record(z.string(), z.unknown()) })).max(500),
      nextCursor: z.string().max(256).optional(),
      /** How many there are in all, when it is cheap to know: for progress. */
      total: z.int().optional(),
    }),
  }) as const;

/**
 * Asked by the registry when a device names a person as its owner: whose device that would be. No address travels, only the
 * blind index that both sides make of it. Nobody is answered for who has not verified the address, or is not let in.
 */
export const deviceOwner = {
  service: 'identity',
  method: 'device_owner',
  request: z.object({ emailIndex: z.string().regex(/^[A-Za-z0-9_-]{43}$/) }),
  response: z.object({
    owner: z.object({ userId: z.uuid(), tenantId: z.string().max(63) }).optional(),
  }),
} as const;
