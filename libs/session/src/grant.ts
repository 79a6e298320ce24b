import { z } from 'zod';

/** What may be done on a device; each is asked of policy as an action on `device/<id>`. */
export const deviceActions = [
  'device.shell',
  'device.exec',
  'device.files.read',
  'device.files.write',
  'device.forward',
  'device.logs',
  'device.metrics',
  'device.recordings.read',
] as const;
export type DeviceAction = (typeof deviceActions)[number];

/** What a session of this kind needs and what it is confined to. One kind per grant. */
export const grantScope = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('shell') }),
  /** SHA-256, hex, of the canonical JSON of the argument list: the device runs this and nothing else. */
  z.object({ kind: z.literal('exec'), commandHash: z.string().regex(/^[0-9a-f]{64}$/) }),
  /** Absolute, or relative to the home of whom the runtime runs as; all below each. */
  z.object({
    kind: z.literal('files'),
    paths: z.array(z.string().min(1).max(4_096)).min(1).max(64),
    write: z.boolean(),
  }),
  /** `tcp:host:port`, `udp:host:port`, `unix:/path`, `serial:/dev/name`, `reverse:port`. */
  z.object({ kind: z.literal('forward'), targets: z.array(z.string().min(1).max(512)).min(1).max(1_024) }),
  z.object({ kind: z.literal('logs') }),
  z.object({ kind: z.literal('metrics') }),
  /** Real ssh, scp, sftp and rsync: what of it works follows from the actions. */
  z.object({ kind: z.literal('ssh') }),
  z.object({ kind: z.literal('recording'), sessionId: z.uuid() }),
]);
export type GrantScope = z.infer<typeof grantScope>;

/**
 * A signed grant: a JWS (RFC 7515, compact, EdDSA, `typ` `gatehouse-grant+jwt`) of the registry over these claims. The device
 * checks it with the registry's public key, which it was told when it was approved; the relay checks it, too, and can make none.
 */
export const grantClaims = z.object({
  /** Id of the grant. */
  jti: z.uuid(),
  /** Session: one per thing a person does. Renewals of it carry the same. */
  sid: z.uuid(),
  iss: z.literal('gatehouse/registry'),
  /** Id of the device: nobody else serves it. */
  aud: z.string(),
  tenantId: z.string(),
  /** Who: `user/<id>`, `service/<id>`. */
  subject: z.object({ type: z.string(), id: z.string() }),
  /** The key or sign-in that the caller came with, and what it is limited to: both are asked about again. */
  credential: z.string().optional(),
  scopes: z.array(z.string()).optional(),
  scope: grantScope,
  actions: z.array(z.enum(deviceActions)).min(1),
  /** Recorded decisions that allow it, in the order of `actions`. */
  decisions: z.array(z.string()).min(1),
  /** Confirmation (RFC 7800): base64url of the client's static X25519 key; nobody else can use it. */
  cnf: z.object({ x25519: z.string().regex(/^[A-Za-z0-9_-]{43}$/) }),
  /** The device asks whoever sits at it first. */
  approveOnDevice: z.boolean().optional(),
  /** The device keeps a recording and tells the hash of every chunk. */
  record: z.boolean().optional(),
  /** Seconds since 1970. A session that is not renewed ends at `exp`. */
  iat: z.int(),
  exp: z.int(),
});
export type GrantClaims = z.infer<typeof grantClaims>;
