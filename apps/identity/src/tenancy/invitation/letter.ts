export interface InvitationLetter {
  readonly tenantName: string;
  readonly role: string;
  readonly publicUrl: string;
  readonly token: string;
  readonly expiresAt: string;
}

/**
 * The text of an invitation. The token stands in the fragment, which a browser sends to nobody: no server log and no
 * proxy between here and there sees it.
 */
export function invitationLetter({ tenantName, role, publicUrl, token, expiresAt }: InvitationLetter) {
  const link = `${publicUrl.replace(/\/+$/, '')}/invitation#${token}`;
  return {
    title: `You are invited to ${tenantName}`,
    text: [
      `You are invited to join ${tenantName} on Gatehouse, with the role "${role}".`,
      '',
      `Accept the invitation here: ${link}`,
      '',
      `The link works once, for this address only, until ${expiresAt.slice(0, 16).replace('T', ' ')} UTC.`,
      'If you did not expect it, do nothing.',
      '',
    ].join('\n'),
  };
}
