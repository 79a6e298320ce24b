/** What is mailed to an address that somebody else's provider says is a person's. The code works in one browser only. */
export const confirmationLetter = (
  { tenant, provider }: { readonly tenant: string; readonly provider: string },
  code: string,
  hasAccount: boolean,
): { readonly title: string; readonly text: string } => ({
  title: 'Confirm your sign-in',
  text: [
    `Somebody signed in to ${tenant} by its identity provider "${provider}" with this e-mail address.`,
    '',
    hasAccount
      ? `If it was you, enter this code where you signed in. From then on "${provider}" opens your account: whoever controls it can sign in as you.`
      : 'If it was you, enter this code where you signed in, to make your account.',
    '',
    `    ${code}`,
    '',
    'It works for half an hour, in the browser that asked for it and in no other. If it was not you, do nothing.',
    '',
  ].join('\n'),
});
