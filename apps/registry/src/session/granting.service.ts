import { randomUUID } from 'node:crypto';
import type { DeviceSessionGranted } from '@gatehouse/contracts';
import type { Pepper } from '@gatehouse/crypto';
import { handle, type PostgresEventStore } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import { commandContext } from '@gatehouse/service';
import { type DeviceAction, type GrantClaims, type GrantScope, maxGrantLength, signGrant } from '@gatehouse/session';
import type { DeviceRow } from '../device/device-rows.js';
import type { GrantKeys } from '../grant-key/grant-keys.js';
import { type Asker, type Decided, deniedBy, type Permission } from '../permission.js';
import { grantSession } from './grant-session/grant-session.js';
import { actionsFor } from './scope-actions.js';
import { sessionDecider, sessionStream } from './session.js';
import { type Command, cut, recordableWords, scopeHash, sessionDetail } from './session-detail.js';

export interface WantedSession {
  readonly scope: GrantScope;
  /** Base64url of the client's static X25519 key. */
  readonly clientKey: string;
  readonly command: Command | undefined;
  /** Of the session that is renewed. */
  readonly sid: string | undefined;
  /** Why, in the words of who asks. */
  readonly reason: string | undefined;
}

export interface GrantingOptions {
  readonly store: PostgresEventStore;
  readonly pepper: Pepper;
  readonly permission: Permission;
  readonly grantKeys: GrantKeys;
}

/** A grant ends by itself after this; its client renews it at half of it, which is another decision. */
const grantSeconds = 300;

/** Signs what somebody may do on a device, after it was decided. */
export class SessionGranting {
  constructor(private readonly options: GrantingOptions) {}

  /** @throws ProblemError `forbidden`, which names the action and its decision, `validation_failed`; Refusal `not_found` */
  async grant(asker: Asker, row: DeviceRow, wanted: WantedSession) {
    const { store, pepper, grantKeys } = this.options;
    const sessionId = wanted.sid ?? randomUUID();
    const detail = sessionDetail(pepper, wanted.scope, wanted.command);
    const reason = wanted.reason === undefined ? undefined : recordableWords(pepper, wanted.reason);
    const allowed = await this.#decide(asker, row, wanted, { sessionId, detail, reason });
    const now = Date.now();
    const claims = claimsOf(asker, row, wanted, { sessionId, allowed, now });
    const grant = signGrant(claims, grantKeys.signing);
    if (grant.length > maxGrantLength)
      throw new ProblemError('validation_failed', undefined, {
        errors: [{ path: 'body.scope', message: 'is too much for one grant: ask for fewer paths or targets' }],
      });
    const expiresAt = new Date(claims.exp * 1_000).toISOString();
    const data: DeviceSessionGranted = {
      ...{ grantId: claims.jti, sessionId, deviceId: row.deviceId, subject: claims.subject },
      ...{ kind: wanted.scope.kind, actions: claims.actions, decisions: claims.decisions, expiresAt },
      ...{ clientKey: wanted.clientKey, scopeHash: scopeHash(wanted.scope) },
      ...(detail !== undefined && { detail }),
      ...(reason !== undefined && { reason }),
    };
    const [first] = claims.decisions;
    const context = commandContext(asker.request, asker.caller, now);
    await handle(store, sessionDecider, {
      streamId: sessionStream(sessionId),
      context: first === undefined ? context : { ...context, causationId: first },
      decide: grantSession(data, wanted.sid !== undefined),
    }); // COMMIT POINT: a grant that nobody recorded is never answered
    return { grant, sessionId, expiresAt };
  }

  /** Every action is a decision of its own; a denied one is told with its id. */
  async #decide(
    asker: Asker,
    { deviceId }: DeviceRow,
    { scope, sid }: WantedSession,
    { sessionId, detail, reason }: Told,
  ): Promise<readonly Allowed[]> {
    const { actions, any } = actionsFor(scope);
    const noted = {
      session: sessionId,
      kind: scope.kind,
      ...(detail !== undefined && { detail: cut(detail, maxNoted) }),
      ...(reason !== undefined && { reason: cut(reason, maxNoted) }),
    };
    // Renewing a session is no other one for a limit.
    const again = sid !== undefined;
    const answers = await Promise.all(
      actions.map(async (action) => ({
        action,
        ...(await this.options.permission.ask(asker, action, deviceId, noted, again)),
      })),
    );
    const allowed = answers.filter((answer): answer is Allowed => answer.allowed && answer.decisionId !== undefined);
    const denied = answers.find((answer) => !answer.allowed);
    if (denied && (!any || allowed.length === 0)) throw deniedBy(denied.action, denied.decisionId);
    if (allowed.length === 0) throw new Error('a decision has no id');
    return allowed;
  }
}

type Allowed = Decided & { readonly action: DeviceAction; readonly decisionId: string };

const maxNoted = 128;

/** What is recorded of a session beside who and where. */
interface Told {
  readonly sessionId: string;
  readonly detail: string | undefined;
  readonly reason: string | undefined;
}

interface Granted {
  readonly sessionId: string;
  readonly allowed: readonly Allowed[];
  readonly now: number;
}

function claimsOf(
  { caller }: Asker,
  row: DeviceRow,
  { scope, clientKey }: WantedSession,
  { sessionId, allowed, now }: Granted,
): GrantClaims {
  const { keyId, sessionId: signIn } = caller as { readonly keyId?: string; readonly sessionId?: string };
  const credential = keyId ?? signIn;
  const iat = Math.floor(now / 1_000);
  return {
    ...{ jti: randomUUID(), sid: sessionId, iss: 'gatehouse/registry', aud: row.deviceId, tenantId: row.tenantId },
    subject: { type: caller.type, id: caller.id },
    ...(credential !== undefined && { credential }),
    ...(caller.scopes && { scopes: [...caller.scopes] }),
    scope,
    actions: allowed.map(({ action }) => action),
    decisions: allowed.map(({ decisionId }) => decisionId),
    cnf: { x25519: clientKey },
    ...(row.approveOnDevice && { approveOnDevice: true }),
    ...(row.record && { record: true }),
    iat,
    exp: iat + grantSeconds,
  };
}
