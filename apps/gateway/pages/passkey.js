/** Passkeys in the browser: base64url at the border of JSON, and words for what people do with a dialog. */
import { Refused } from './gate.js';

const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

const withBytes = (credentials = []) =>
  credentials.map((credential) => ({ ...credential, id: toBytes(credential.id) }));

export const canUsePasskeys = () => 'PublicKeyCredential' in globalThis;

/** The dialog was closed, or nothing on this device fits; browsers tell no more, on purpose. */
async function withDialog(open) {
  if (!canUsePasskeys()) throw new Refused(0, { code: 'passkey_unsupported' });
  try {
    return await open();
  } catch (error) {
    const known = error instanceof DOMException && error.name === 'InvalidStateError';
    throw new Refused(0, { code: known ? 'passkey_known' : 'passkey_cancelled' });
  }
}

const jsonOf = ({ id, rawId, type, authenticatorAttachment }, response) => ({
  id,
  rawId: toText(rawId),
  type,
  ...(authenticatorAttachment && { authenticatorAttachment }),
  response,
});

export async function makePasskey(options) {
  const publicKey = {
    ...options,
    challenge: toBytes(options.challenge),
    user: { ...options.user, id: toBytes(options.user.id) },
    excludeCredentials: withBytes(options.excludeCredentials),
  };
  const made = await withDialog(() => navigator.credentials.create({ publicKey }));
  return jsonOf(made, {
    clientDataJSON: toText(made.response.clientDataJSON),
    attestationObject: toText(made.response.attestationObject),
    transports: made.response.getTransports?.() ?? [],
  });
}

export async function usePasskey(options) {
  const publicKey = {
    ...options,
    challenge: toBytes(options.challenge),
    ...(options.allowCredentials && { allowCredentials: withBytes(options.allowCredentials) }),
  };
  const signed = await withDialog(() => navigator.credentials.get({ publicKey }));
  const { clientDataJSON, authenticatorData, signature, userHandle } = signed.response;
  return jsonOf(signed, {
    clientDataJSON: toText(clientDataJSON),
    authenticatorData: toText(authenticatorData),
    signature: toText(signature),
    ...(userHandle && { userHandle: toText(userHandle) }),
  });
}
