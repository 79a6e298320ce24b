import { foreignAlgorithms } from '@gatehouse/authn';
import type { LoginMethod } from '@gatehouse/contracts';
import { z } from 'zod';
import { tokenLimits } from '../token/token-terms.js';
import { durationUpTo } from './duration-field.js';
import { countUpTo, flag, jsonOf, only, onlyFalse, onlyZero } from './fields.js';
import { networkList } from './networks.js';

/** `*`, `secret.*`, `secret.read`. A word without a dot is no action here, but the name of a policy elsewhere. */
const actionPattern = /^(?:\*|[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*\.(?:\*|[a-z][a-z0-9_]*))$/;

const split = (text: string): readonly string[] => (text === '' ? [] : text.split(',').map((part) => part.trim()));

/** A list, or one text with commas, as the command line sends it. */
export const textList = (max: number, length: number) =>
  z
    .union([z.array(z.string()), z.string().max(8_192).transform(split)])
    .pipe(z.array(z.string().min(1).max(length)).max(max));

/**
 * What the dialect calls policies: action patterns here, outside of which a token does nothing. `default` says nothing.
 * A name that is no pattern is refused: leaving it out would make a token that may more than its maker meant.
 */
export const policyList = textList(tokenLimits.scopes, 128)
  .transform((names) => names.filter((name) => name !== 'default'))
  .pipe(z.array(z.string().regex(actionPattern, 'must be an action pattern such as secret.read or secret.*')));

const ttl = durationUpTo(tokenLimits.maxTtl);
const uses = countUpTo(tokenLimits.numUses);
/** What tokens of a role are like. */
const tokenSettings = {
  token_ttl: ttl.default(0),
  token_max_ttl: ttl.default(0),
  token_explicit_max_ttl: onlyZero,
  token_num_uses: uses.default(0),
  token_bound_cidrs: networkList.default([]),
  token_policies: policyList.default([]),
  token_period: onlyZero,
  token_type: only('', 'default', 'default-service', 'service'),
  token_no_default_policy: onlyFalse,
  /** Switched off: nobody logs in, and its tokens open nothing. */
  disabled: flag.default(false),
};

const approle = z.strictObject({
  ...tokenSettings,
  bind_secret_id: only(true, 'true'),
  secret_id_bound_cidrs: networkList.default([]),
  secret_id_num_uses: uses.default(0),
  secret_id_ttl: ttl.default(0),
  local_secret_ids: onlyFalse,
});

const claimValue = z.union([z.string().max(1_024), z.number(), z.boolean()]);

const jwt = z.strictObject({
  ...tokenSettings,
  role_type: z.literal('jwt', { error: 'must be jwt: logins with a browser are those of Gatehouse itself' }),
  // Without an audience, a token that was made for somebody else would open this role (RFC 8725 3.9).
  bound_audiences: textList(16, 1_024).pipe(z.array(z.string()).min(1)),
  bound_subject: z.string().max(1_024).default(''),
  bound_claims: jsonOf(z.record(z.string().max(256), z.union([claimValue, z.array(claimValue).max(64)]))).default({}),
  bound_claims_type: only('string'),
  user_claim: z.string().min(1).max(256).default('sub'),
  /** Beyond the dialect: each token (its `jti`) logs in once. */
  single_use: flag.default(false),
});

const kubernetes = z.strictObject({
  ...tokenSettings,
  bound_service_account_names: textList(64, 253).pipe(z.array(z.string()).min(1)),
  bound_service_account_namespaces: textList(64, 63).pipe(z.array(z.string()).min(1)),
  audience: z.string().max(1_024).default(''),
  alias_name_source: only('', 'serviceaccount_uid'),
});

export type ApproleSettings = z.output<typeof approle>;
export type JwtSettings = z.output<typeof jwt>;
export type KubernetesSettings = z.output<typeof kubernetes>;
export type TokenSettings = Pick<ApproleSettings, Extract<keyof typeof tokenSettings, keyof ApproleSettings>>;

/** Settings of a role, by how it is logged in to. */
export const roleSettings = { approle, jwt, kubernetes } as const satisfies Record<LoginMethod, z.ZodObject>;

/** Only what is public: a private key would stand in answers and events. */
const pem = z
  .string()
  .max(16_384)
  .includes('-----BEGIN')
  .refine((text) => !text.includes('PRIVATE KEY'), 'must not hold a private key');
const address = z.string().max(1_024).url();

const jwtConfig = z
  .strictObject({
    oidc_discovery_url: z.union([z.literal(''), address]).default(''),
    oidc_discovery_ca_pem: z.union([z.literal(''), pem]).default(''),
    jwks_url: z.union([z.literal(''), address]).default(''),
    jwks_ca_pem: z.union([z.literal(''), pem]).default(''),
    jwt_validation_pubkeys: z.union([z.array(pem).max(16), pem.transform((key) => [key])]).default([]),
    bound_issuer: z.string().max(1_024).default(''),
    jwt_supported_algs: textList(16, 16)
      .pipe(z.array(z.enum(foreignAlgorithms as [string, ...string[]])))
      .default([]),
    default_role: z.string().max(128).default(''),
  })
  .refine(
    ({ oidc_discovery_url: discovery, jwks_url: jwks, jwt_validation_pubkeys: keys }) =>
      [discovery !== '', jwks !== '', keys.length > 0].filter(Boolean).length === 1,
    'exactly one of oidc_discovery_url, jwks_url and jwt_validation_pubkeys says where keys come from',
  );

const kubernetesConfig = z
  .strictObject({
    kubernetes_host: z.union([z.literal(''), address]).default(''),
    kubernetes_ca_cert: z.union([z.literal(''), pem]).default(''),
    /** The one secret: sealed, and in no answer. */
    token_reviewer_jwt: z.string().max(8_192).default(''),
    /** Beyond the dialect: the cluster's published keys. Tokens are then checked here and the cluster is not asked. */
    jwks: z.union([z.literal(''), z.string().max(32_768)]).default(''),
    pem_keys: z.union([z.array(pem).max(16), pem.transform((key) => [key])]).default([]),
    issuer: z.string().max(1_024).default(''),
    disable_iss_validation: flag.optional(),
    disable_local_ca_jwt: flag.optional(),
  })
  .refine(
    ({ kubernetes_host: host, jwks, pem_keys: keys }) => host !== '' || jwks !== '' || keys.length > 0,
    'kubernetes_host is asked about tokens, unless jwks or pem_keys verify them',
  );

export type JwtConfig = z.output<typeof jwtConfig>;
export type KubernetesConfig = z.output<typeof kubernetesConfig>;

export const configSettings = { jwt: jwtConfig, kubernetes: kubernetesConfig } as const;

/** Names of roles. Lower case, as the dialect keeps them. */
export const roleName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, 'is not 1 to 128 letters, digits, dots, hyphens and underscores')
  .transform((name) => name.toLowerCase());

/**
 * Whom a login acts as: `service/approle:deploy`. The colon stands in no key's name, so nobody who may only write roles
 * can make one that is taken for the service of a key, nor the other way round.
 */
export const principalIdOf = (method: LoginMethod, name: string): string => `${method}:${name}`;
