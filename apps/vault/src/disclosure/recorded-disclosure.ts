import type { DecisionRecorded, Envelope } from '@gatehouse/contracts';

/** A decision about reading one version of a secret, as policy recorded it. */
export interface RecordedDisclosure {
  readonly tenantId: string;
  readonly decisionId: string;
  readonly secretId: string | null;
  /** As it may be recorded: what looks like an address or a key in it is a pseudonym. */
  readonly path: string;
  /** 0 where there was no such version. */
  readonly version: number;
  readonly subject: { readonly type: string; readonly id: string };
  readonly credential: string | null;
  readonly allowed: boolean;
  readonly reason: string;
  readonly correlationId: string;
  readonly occurredAt: string;
}

const uuidPattern = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/**
 * Whether an event can be one of these, by its canonical text, which begins with who acted: nearly all that policy records
 * was asked by others, and need not be parsed here.
 */
export const mayBeDisclosure = (text: string): boolean => text.startsWith('{"actor":{"id":"vault",');

/**
 * Of policy's events, those that stand before a value left the vault, or was refused. Only the vault itself is believed: a
 * tenant's own enforcement point may ask policy the same question, and nothing leaves the vault then.
 */
export function recordedDisclosure(envelope: Envelope): RecordedDisclosure | undefined {
  const { type, actor, data, id, tenantId, correlationId, occurredAt } = envelope;
  if (type !== 'decision.recorded' || actor.type !== 'gatehouse' || actor.id !== 'vault') return undefined;
  const { action, resource, subject, decision, reason, noted = {} } = data as unknown as DecisionRecorded;
  if (action !== 'secret.read' || resource.type !== 'secret') return undefined;
  const { version, secretId, credential } = noted;
  return {
    tenantId,
    decisionId: id,
    secretId: typeof secretId === 'string' && uuidPattern.test(secretId) ? secretId : null,
    path: resource.id,
    version: typeof version === 'number' && Number.isInteger(version) && version > 0 ? version : 0,
    subject,
    credential: typeof credential === 'string' ? credential : null,
    allowed: decision,
    reason,
    correlationId,
    occurredAt,
  };
}
