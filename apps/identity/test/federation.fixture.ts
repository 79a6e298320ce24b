import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { api, works } from './api.fixture.js';
import { Browser } from './foreign-browser.fixture.js';
import { clientId, clientSecret, type ForeignOp, startForeignOp } from './foreign-op.fixture.js';
import { type Replica, type Stack, startStack } from './stack.fixture.js';

export interface Claims {
  readonly sub: string;
  readonly [claim: string]: unknown;
}

/** A stack with two tenants and a provider of somebody else. */
export interface FederationStack {
  readonly stack: Stack;
  readonly replica: Replica;
  readonly op: ForeignOp;
  /** Of the operator's tenant, whose provider's word counts everywhere; and of another tenant. */
  readonly key: string;
  readonly otherKey: string;
  /** Where letters arrive. */
  readonly mail: string;
  configure(changes?: object, as?: string, at?: ForeignOp): Promise<string>;
  /** Replaces settings of a provider. */
  change(idpId: string, changes: object, as?: string): Promise<void>;
  newPerson(changes?: object): Claims & { readonly email: string };
  signIn(person: Claims, wanted: object, at?: ForeignOp): Promise<{ browser: Browser; outcome: string }>;
  roleOf(userId: string, tenantId?: string): Promise<string | undefined>;
  count(table: string): Promise<number>;
  stop(): Promise<unknown>;
}

export async function startFederation(settings: Record<string, string> = {}): Promise<FederationStack> {
  const [stack, op] = await Promise.all([startStack(), startForeignOp()]);
  const mail = mkdtempSync(join(tmpdir(), 'gatehouse-mail-'));
  const key = (await stack.bootstrap()).operatorKey;
  const otherKey = (await stack.bootstrap('other')).operatorKey;
  const replica = await stack.serve({ ISSUERS_ON_LOOPBACK: 'true', MAIL_FOLDER: mail, ...settings });
  await Promise.all([works(replica, key), works(replica, otherKey)]);
  let made = 0;
  let people = 0;
  return {
    ...{ stack, replica, op, key, otherKey, mail },
    async configure(changes = {}, as = key, at = op) {
      made += 1;
      const body = { name: `idp-${made}`, issuer: at.issuer, clientId, clientSecret, ...changes };
      const answer = await api(replica, 'POST /identity-providers', { key: as, body });
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
      const { idpId, redirectUri } = answer.body as unknown as { idpId: string; redirectUri: string };
      await at.allowRedirect(redirectUri);
      return idpId;
    },
    async change(idpId, changes, as = key) {
      const at = `/identity-providers/${idpId}`;
      const shown = (await api(replica, `GET ${at}`, { key: as })).body as unknown as Record<string, unknown>;
      const { idpId: _i, issuer: _s, hasSecret: _h, redirectUri: _r, createdAt: _c, revision: _v, ...now } = shown;
      const answer = await api(replica, `PUT ${at}`, { key: as, body: { ...now, ...changes } });
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    },
    newPerson(changes = {}) {
      people += 1;
      const email = `person${people}@example.org`;
      return { sub: `sub-${people}`, email, email_verified: true, groups: ['devs'], ...changes };
    },
    async signIn(person, wanted, at = op) {
      await at.control({ person });
      const browser = new Browser(replica);
      return { browser, outcome: await browser.signIn(at, wanted) };
    },
    roleOf: async (userId, tenantId = 'main') =>
      (
        await stack.superuser<{ role: string }>(
          `select role from identity.members where tenant_id = $1 and user_id = $2 and status = 'active'`,
          [tenantId, userId],
        )
      )[0]?.role,
    count: async (table) => (await stack.superuser(`select from identity.${table}`)).length,
    stop: () => Promise.all([stack.stop(), op.stop()]),
  };
}

/** Signs in all the way: whose the session is. */
export async function sessionOf(browser: Browser) {
  const { status, body } = await browser.finish();
  if (status !== 200) throw new Error(`finish answered ${status}: ${JSON.stringify(body)}`);
  const token = String(body.access_token);
  return { token, ...(decodeJwt(token) as { sub: string; tenant: string; amr: string[]; sid: string }) };
}
