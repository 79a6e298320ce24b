import { type Principal, tokenAudience } from '@gatehouse/authn';
import type { DeviceAuthorizationDecided } from '@gatehouse/contracts';
import { uuidv7 } from '@gatehouse/crypto';
import { type PostgresEventStore } from '@gatehouse/event-store';
import { type HttpRequest, ProblemError } from '@gatehouse/http';
import type { Provider } from 'oidc-provider';
import type { ClientFacts } from '../client/client.js';
import { within } from '../grant/action-patterns.js';
import type { PersonAtPage } from '../grant/person-at-page.service.js';
import type { SignIn } from '../grant/sign-ins.service.js';
import { addScopes } from '../provider/accounts.service.js';
import type { OidcPort } from '../provider/oidc-port.service.js';
import { factsOf, openIdScopes } from '../provider/token-claims.service.js';
import type { Records } from '../record/records.service.js';
import type { Attempts } from './attempts.service.js';
import { normalUserCode } from './user-code.js';

export interface DeviceApprovalsParts {
  readonly port: OidcPort;
  readonly records: Records;
  readonly attempts: Attempts;
  readonly person: PersonAtPage;
  readonly store: PostgresEventStore;
}

type DeviceCode = InstanceType<Provider['DeviceCode']> & { deviceInfo?: Record<string, string> };

interface Waiting {
  readonly code: DeviceCode;
  readonly client: ClientFacts;
  readonly signIn: SignIn;
  readonly scopes: readonly string[];
  readonly permissions: readonly string[];
}

/** What a signed-in person says to a device that waits (RFC 8628, 3.3). */
export class DeviceApprovals {
  readonly #parts: DeviceApprovalsParts;

  constructor(parts: DeviceApprovalsParts) {
    this.#parts = parts;
  }

  async lookup(request: HttpRequest, caller: Principal, userCode: string) {
    const { code, client, signIn, scopes, permissions } = await this.#waiting(request, caller, userCode);
    const choices = await this.#parts.person.choices(client, signIn.person.userId);
    return {
      client: { id: client.clientId, title: client.title, registered: client.tenantId !== '' },
      requestedFrom: { network: code.deviceInfo?.network ?? '', userAgent: code.deviceInfo?.userAgent ?? '' },
      requestedAt: new Date((code.iat ?? 0) * 1_000).toISOString(),
      expiresAt: new Date((code.exp ?? 0) * 1_000).toISOString(),
      scopes,
      permissions,
      tenants: choices.map(({ tenantId, name }) => ({ id: tenantId, name })),
    };
  }

  async approve(request: HttpRequest, caller: Principal, userCode: string, tenantId?: string): Promise<void> {
    const waiting = await this.#waiting(request, caller, userCode);
    const { code, client, signIn, scopes, permissions } = waiting;
    const { person, methods, authTime } = signIn;
    const membership = await this.#parts.person.chosen(client, person.userId, methods, tenantId);
    await this.#decideOnce(userCode);
    const { provider } = this.#parts.port;
    const grant = new provider.Grant({ accountId: person.userId, clientId: client.clientId });
    addScopes(grant, scopes, permissions.join(' '));
    const grantId = await grant.save();
    // Not of the sign-in: a device goes on when the person closes the browser. It ends with the grant, or the person.
    await this.#parts.records.attach('Grant', grantId, { tenantId: membership.tenantId });
    await this.#record('approved', membership.tenantId, { clientId: client.clientId, userId: person.userId, grantId });
    // COMMIT POINT: only this lets the device in. Killed before it, the device waits until its code is over.
    Object.assign(code, {
      accountId: person.userId,
      grantId,
      scope: [...scopes, ...permissions].join(' '),
      resource: tokenAudience,
      authTime,
      amr: [...methods],
    });
    await code.save();
  }

  async deny(request: HttpRequest, caller: Principal, userCode: string): Promise<void> {
    const { code, client, signIn } = await this.#waiting(request, caller, userCode);
    await this.#decideOnce(userCode);
    const { userId, homeTenantId } = signIn.person;
    await this.#record('denied', homeTenantId, { clientId: client.clientId, userId });
    Object.assign(code, { error: 'access_denied', errorDescription: 'the person did not agree' });
    await code.save();
  }

  /** @throws ProblemError `user_code_unknown` for any code that nothing waits under, `rate_limited` after too many */
  async #waiting(request: HttpRequest, caller: Principal, text: string): Promise<Waiting> {
    const { person, attempts, port, records } = this.#parts;
    const signIn = await person.require(caller);
    const { userId } = signIn.person;
    if (!(await attempts.take('user_code', request.ip, userId)))
      throw new ProblemError('rate_limited', undefined, { retryAfterSeconds: 600 });
    const userCode = normalUserCode(text);
    const record = await records.findByUserCode(userCode);
    const isOver = !record || record.expires_at.getTime() <= Date.now();
    const code = isOver
      ? undefined
      : ((await port.provider.DeviceCode.findByUserCode(userCode)) as DeviceCode | undefined);
    const found = code?.clientId && (await port.provider.Client.find(code.clientId));
    if (!record || !code || !found) throw new ProblemError('user_code_unknown');
    await attempts.giveBack('user_code', request.ip, userId);
    if (record.decided_at || record.consumed_at) throw new ProblemError('device_decided');
    const client = factsOf(found);
    const words = String(code.params?.scope ?? '').split(' ');
    const permissions = within(
      client.permissions,
      words.filter((word) => !openIdScopes.has(word)),
    );
    const scopes = words.filter((word) => openIdScopes.has(word) && client.scopes.includes(word));
    return { code, client, signIn, scopes, permissions };
  }

  /** Of an approval and a denial at once, one counts. */
  async #decideOnce(userCode: string): Promise<void> {
    const { records } = this.#parts;
    if (!(await records.decide(normalUserCode(userCode)))) throw new ProblemError('device_decided');
  }

  /** No code, no address: what the ledger keeps says who decided, about which client, and on what grant. */
  async #record(what: 'approved' | 'denied', tenantId: string, data: DeviceAuthorizationDecided): Promise<void> {
    const now = Date.now();
    const event = { type: `device_authorization.${what}`, version: 1, data };
    await this.#parts.store.append(`device-authorization:${uuidv7(now)}`, [event], {
      expectedRevision: 0,
      context: {
        tenantId,
        actor: { type: 'user', id: data.userId },
        now,
        correlationId: uuidv7(now).replaceAll('-', ''),
      },
    });
  }
}
