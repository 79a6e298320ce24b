import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { AwsCredentials } from './sign-request.js';

export interface CredentialSettings {
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly sessionToken?: string | undefined;
  /** ECS and EKS Pod Identity: where the container gets its credentials, and the file with the token that it shows there. */
  readonly containerUrl?: string | undefined;
  readonly containerTokenFile?: string | undefined;
  /** IAM roles for service accounts: the token, and the role that STS gives for it. */
  readonly webIdentityTokenFile?: string | undefined;
  readonly roleArn?: string | undefined;
  readonly stsEndpoint: string;
}

interface Lent extends AwsCredentials {
  /** Unix time in milliseconds. */
  readonly expiresAt: number;
}

const timeoutMs = 5_000;
const renewBeforeMs = 300_000;

const fromContainer = z.object({
  AccessKeyId: z.string().min(1),
  SecretAccessKey: z.string().min(1),
  Token: z.string().optional(),
  Expiration: z.iso.datetime({ offset: true }),
});

/** Where credentials come from, the first that is configured: given ones, the container's, a role for a service account. */
export function awsCredentials(settings: CredentialSettings, now: () => number = Date.now) {
  let lent: Promise<Lent> | undefined;
  return async (): Promise<AwsCredentials> => {
    const { accessKeyId, secretAccessKey, sessionToken } = settings;
    if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, sessionToken };
    const known = await lent?.catch(() => undefined);
    if (known && known.expiresAt - renewBeforeMs > now()) return known;
    lent = borrow(settings);
    return lent;
  };
}

function borrow(settings: CredentialSettings): Promise<Lent> {
  if (settings.containerUrl) return askContainer(settings.containerUrl, settings.containerTokenFile);
  if (settings.webIdentityTokenFile && settings.roleArn) return assumeRole(settings);
  throw new Error('there are no AWS credentials: AWS_ACCESS_KEY_ID, a container role or a role for a service account');
}

async function askContainer(url: string, tokenFile: string | undefined): Promise<Lent> {
  const authorization = tokenFile && readFileSync(tokenFile, 'utf8').trim();
  const answer = await fetch(url, {
    ...(authorization && { headers: { authorization } }),
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!answer.ok) throw new Error(`the container's credentials could not be read: status ${answer.status}`);
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = fromContainer.parse(await answer.json());
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: Token,
    expiresAt: Date.parse(Expiration),
  };
}

const stsAnswer = z.object({
  AssumeRoleWithWebIdentityResponse: z.object({
    AssumeRoleWithWebIdentityResult: z.object({
      Credentials: z.object({
        AccessKeyId: z.string().min(1),
        SecretAccessKey: z.string().min(1),
        SessionToken: z.string().min(1),
        Expiration: z.number(),
      }),
    }),
  }),
});

/** STS `AssumeRoleWithWebIdentity`: the token is the credential, so the call is not signed. In the body, not in the address. */
async function assumeRole({ webIdentityTokenFile, roleArn, stsEndpoint }: CredentialSettings): Promise<Lent> {
  const answer = await fetch(stsEndpoint, {
    method: 'POST',
    headers: { accept: 'application/json' },
    body: new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleSessionName: 'gatehouse-vault',
      RoleArn: roleArn as string,
      WebIdentityToken: readFileSync(webIdentityTokenFile as string, 'utf8').trim(),
    }),
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!answer.ok) throw new Error(`STS gave no credentials: status ${answer.status}`);
  const { AssumeRoleWithWebIdentityResponse: response } = stsAnswer.parse(await answer.json());
  const { Credentials: given } = response.AssumeRoleWithWebIdentityResult;
  return {
    accessKeyId: given.AccessKeyId,
    secretAccessKey: given.SecretAccessKey,
    sessionToken: given.SessionToken,
    expiresAt: given.Expiration * 1_000,
  };
}
