import {
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type WebAuthnCredential,
} from '@simplewebauthn/server';

/** Who relies on the answer: where a person is, and the host that a passkey is bound to. */
export interface RelyingParty {
  readonly origin: string;
  readonly rpId: string;
}

/** @param publicUrl PUBLIC_URL: a passkey works on its host and no other */
export function relyingPartyOf(publicUrl: string): RelyingParty {
  const { origin, hostname } = new URL(publicUrl);
  return { origin, rpId: hostname };
}

/** What is kept of a passkey, sealed: nothing of it is secret, but all of it says whose it is. */
export interface PasskeyRecord {
  /** Base64url, as the browser names it. */
  readonly id: string;
  /** Base64url of the COSE key. */
  readonly publicKey: string;
  readonly transports: readonly string[];
  /** Model of the authenticator; zeros where it does not say. */
  readonly aaguid: string;
}

/** EdDSA, ES256, RS256: what platforms make today. */
export const passkeyAlgorithms = [-8, -7, -257];

type Judge = (challenge: string) => boolean;

/**
 * The passkey that was made, or undefined when anything about the answer is wrong: challenge, origin, host, form.
 * An attestation is parsed and not trusted: we ask for none, and anybody's authenticator may be used.
 */
export async function verifyNewPasskey(
  response: RegistrationResponseJSON,
  { origin, rpId }: RelyingParty,
  isOurs: Judge,
): Promise<(PasskeyRecord & { readonly counter: number }) | undefined> {
  const verification = await verifyRegistrationResponse({
    response,
    expectedChallenge: isOurs,
    expectedOrigin: origin,
    expectedRPID: rpId,
    requireUserVerification: false,
    supportedAlgorithmIDs: passkeyAlgorithms,
  }).catch(() => undefined);
  if (!verification?.verified) return undefined;
  const { credential, aaguid } = verification.registrationInfo;
  return {
    id: credential.id,
    publicKey: Buffer.from(credential.publicKey).toString('base64url'),
    transports: (response.response.transports ?? []).slice(0, 8),
    aaguid,
    counter: credential.counter,
  };
}

/**
 * The counter that the authenticator signed, or undefined when anything about the answer is wrong. The counter is not
 * judged here: only whoever holds the row knows the last one, and a regression behind a wrong signature tells nothing.
 */
export async function verifyPasskey(
  response: AuthenticationResponseJSON,
  { origin, rpId }: RelyingParty,
  { id, publicKey }: PasskeyRecord,
  { isOurs, alone }: { readonly isOurs: Judge; readonly alone: boolean },
): Promise<number | undefined> {
  const credential: WebAuthnCredential = {
    id,
    publicKey: Uint8Array.from(Buffer.from(publicKey, 'base64url')),
    counter: 0,
  };
  const verification = await verifyAuthenticationResponse({
    response,
    expectedChallenge: isOurs,
    expectedOrigin: origin,
    expectedRPID: rpId,
    credential,
    // Alone it stands for two factors: the authenticator, and what it asked of the person.
    requireUserVerification: alone,
  }).catch(() => undefined);
  return verification?.verified ? verification.authenticationInfo.newCounter : undefined;
}
