import { createForeignFetch, type ForeignReach, foreignAlgorithms } from '@gatehouse/authn';
import { type HttpRequest, unavailable } from '@gatehouse/http';
import { z } from 'zod';
import type { JwtCredentials } from './jwt-login.service.js';
import type { LoginConfig, LoginConfigs } from './login-configs.service.js';
import type { LoginRoles } from './login-roles.service.js';
import { LoginRefused, type Logins } from './logins.service.js';
import type { KubernetesConfig, KubernetesSettings } from './role-settings.js';
import type { TokenKeys } from './token-keys.js';
import { verifyToken } from './verify-token.js';

/** Whom a token was made for, as the cluster says, or as its keys prove. */
export interface ServiceAccount {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly audiences: readonly string[];
}

export interface KubernetesLoginOptions {
  readonly logins: Logins;
  readonly roles: LoginRoles;
  readonly configs: LoginConfigs;
  readonly keys: TokenKeys;
  readonly reach: ForeignReach;
}

/** `TokenReview` of `authentication.k8s.io/v1`, as far as it is read. */
const tokenReview = z.object({
  status: z.object({
    authenticated: z.boolean().optional(),
    error: z.string().optional(),
    audiences: z.array(z.string()).nullish(),
    user: z.object({ username: z.string(), uid: z.string().optional() }).optional(),
  }),
});

const accountPattern = /^system:serviceaccount:([a-z0-9-]{1,63}):([a-z0-9.-]{1,253})$/;
const defaultAudiences = ['https://kubernetes.default.svc', 'https://kubernetes.default.svc.cluster.local'];

/** Logins with the token of a Kubernetes service account. */
export class KubernetesLogin {
  readonly #options: KubernetesLoginOptions;

  constructor(options: KubernetesLoginOptions) {
    this.#options = options;
  }

  async logIn({ role: name, jwt }: JwtCredentials, tenantId: string, request: HttpRequest) {
    const { logins, roles, configs } = this.#options;
    const nowMs = Date.now();
    const config = await configs.find(tenantId, 'kubernetes');
    const role = await roles.find(tenantId, 'kubernetes', name.toLowerCase());
    const prove = async () => {
      if (!config) throw new LoginRefused('not_configured');
      if (!role) throw new LoginRefused('unknown_role');
      const settings = role.settings as unknown as KubernetesSettings;
      const account = await this.#accountOf(config, jwt, settings.audience, nowMs);
      if (!isBound(settings.bound_service_account_names, account.name)) throw new LoginRefused('service_account');
      if (!isBound(settings.bound_service_account_namespaces, account.namespace)) throw new LoginRefused('namespace');
      const meta = {
        role: role.name,
        service_account_name: account.name,
        service_account_namespace: account.namespace,
        service_account_uid: account.uid,
      };
      return { labels: { displayName: `kubernetes-${account.namespace}-${account.name}`, meta } };
    };
    return logins.logIn({ loginId: `${tenantId}/kubernetes/${name}`, role, request, nowMs, prove });
  }

  async #accountOf(config: LoginConfig, jwt: string, audience: string, nowMs: number): Promise<ServiceAccount> {
    const settings = config.settings as KubernetesConfig;
    const isOffline = settings.jwks !== '' || settings.pem_keys.length > 0;
    const account = isOffline
      ? await this.#verified(config, settings, jwt, nowMs)
      : await this.#reviewed(config, settings, jwt, audience);
    if (audience !== '' && !account.audiences.includes(audience)) throw new LoginRefused('audience');
    // A token for another server in the cluster must not log in here, unless the role was made for that audience.
    if (audience === '' && isOffline && !account.audiences.some((each) => defaultAudiences.includes(each)))
      throw new LoginRefused('audience');
    return account;
  }

  /** By the cluster's keys: without a call, and so without hearing that the account or its pod is gone. */
  async #verified({ configId }: LoginConfig, settings: KubernetesConfig, jwt: string, nowMs: number) {
    const source =
      settings.jwks !== ''
        ? { kind: 'jwks' as const, text: settings.jwks }
        : { kind: 'pem' as const, keys: settings.pem_keys };
    const check = { configId, source, algorithms: foreignAlgorithms, issuer: settings.issuer, nowMs };
    const claims = await verifyToken(this.#options.keys, jwt, check);
    const inner = (claims['kubernetes.io'] as { serviceaccount?: { uid?: string } } | undefined)?.serviceaccount;
    return accountOf(claims.sub ?? '', inner?.uid ?? '', [claims.aud ?? []].flat());
  }

  /** By asking the cluster. @throws ProblemError `unavailable` when it does not answer, or does not let the vault ask */
  async #reviewed(config: LoginConfig, settings: KubernetesConfig, jwt: string, audience: string) {
    const reviewer = (await this.#options.configs.secretOf(config)) || jwt;
    const fetch = createForeignFetch({
      ...this.#options.reach,
      ...(settings.kubernetes_ca_cert !== '' && { ca: settings.kubernetes_ca_cert }),
    });
    const url = `${settings.kubernetes_host.replace(/\/$/, '')}/apis/authentication.k8s.io/v1/tokenreviews`;
    const body = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: jwt, ...(audience !== '' && { audiences: [audience] }) },
    };
    const headers = {
      authorization: `Bearer ${reviewer}`,
      'content-type': 'application/json',
      accept: 'application/json',
    };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }).catch((error: Error) => {
      throw unavailable('The cluster cannot be asked about tokens', 5, error);
    });
    // Without a reviewer of its own the login's token asks about itself: then a refusal is the token's.
    if (response.status === 401 && reviewer === jwt) throw new LoginRefused('token_review');
    if (response.status !== 200 && response.status !== 201)
      throw unavailable('The cluster does not answer about tokens', 5, new Error(`status ${response.status}`));
    const { status } = tokenReview.parse(await response.json());
    if (status.authenticated !== true || status.error || !status.user) throw new LoginRefused('token_review');
    return accountOf(status.user.username, status.user.uid ?? '', status.audiences ?? []);
  }
}

function accountOf(username: string, uid: string, audiences: readonly string[]): ServiceAccount {
  const [, namespace, name] = accountPattern.exec(username) ?? [];
  if (!namespace || !name) throw new LoginRefused('service_account');
  return { name, namespace, uid, audiences };
}

const isBound = (bound: readonly string[], value: string): boolean => bound.includes('*') || bound.includes(value);
