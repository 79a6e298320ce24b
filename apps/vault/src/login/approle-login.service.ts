import type { HttpRequest } from '@gatehouse/http';
import type { LoginRoles } from './login-roles.service.js';
import { LoginRefused, type Logins } from './logins.service.js';
import { isWithin } from './networks.js';
import type { ApproleSettings } from './role-settings.js';
import type { SecretIds } from './secret-ids.service.js';

export interface ApproleCredentials {
  readonly role_id: string;
  readonly secret_id: string;
}

/** Logins with a role id and a secret id. */
export class ApproleLogin {
  constructor(
    private readonly logins: Logins,
    private readonly roles: LoginRoles,
    private readonly secretIds: SecretIds,
  ) {}

  /** @param tenantId the namespace that was sent; a role id that was made here needs none */
  async logIn(
    { role_id: loginId, secret_id: text }: ApproleCredentials,
    tenantId: string | undefined,
    request: HttpRequest,
  ) {
    const nowMs = Date.now();
    const role = await this.roles.byLoginId(loginId, tenantId);
    const prove = async () => {
      // Both are looked up by keyed hash and both always: neither tells by its time whether the other is there.
      const secretId = await this.secretIds.find(role?.roleId, { text }, nowMs);
      if (!role) throw new LoginRefused('unknown_role');
      if (!secretId) throw new LoginRefused('secret_id');
      const settings = role.settings as unknown as ApproleSettings;
      const networks = secretId.networks.length > 0 ? secretId.networks : settings.secret_id_bound_cidrs;
      if (!isWithin(networks, request.ip)) throw new LoginRefused('network');
      if (settings.disabled) throw new LoginRefused('disabled');
      if (!(await this.secretIds.takeUse(secretId.secretIdId, nowMs))) throw new LoginRefused('secret_id');
      const meta = { ...secretId.metadata, role_name: role.name };
      return { labels: { displayName: 'approle', meta }, networks: secretId.tokenNetworks };
    };
    return this.logins.logIn({ loginId, role, request, nowMs, prove });
  }
}
