/** What a letter says, without whom it goes to. */
export interface Letter {
  readonly title: string;
  readonly text: string;
}

const sign = (origin: string): string => `\n\n-- \nGatehouse at ${origin}\nNobody reads answers to this address.\n`;

/**
 * The token stands behind `#`: browsers keep that part to themselves, so it is in no access log and no Referer.
 */
const link = (origin: string, page: string, token: string): string => `${origin}/${page}#token=${token}`;

/** Letters of accounts, in plain text. Nothing that somebody else typed is in them: no name, no address. */
export const letters = {
  verify: (origin: string, token: string): Letter => ({
    title: 'Confirm your e-mail address',
    text: `Somebody, you we hope, registered with this e-mail address.

To finish, open this link within 24 hours and give the password you chose:

${link(origin, 'verify-email', token)}

If that was not you, do nothing: without the password the link opens nothing, and all is forgotten after a day.${sign(origin)}`,
  }),
  alreadyRegistered: (origin: string): Letter => ({
    title: 'You have an account already',
    text: `Somebody, you perhaps, tried to register with this e-mail address, which has an account already.
Nothing was changed. To sign in, go to ${origin}; if you forgot the password, ask there for a new one.${sign(origin)}`,
  }),
  reset: (origin: string, token: string): Letter => ({
    title: 'Set a new password',
    text: `Somebody asked for a new password for the account of this e-mail address.

To set one, open this link within 30 minutes:

${link(origin, 'reset-password', token)}

If that was not you, do nothing: your password is still the same.${sign(origin)}`,
  }),
  passwordChanged: (origin: string): Letter => ({
    title: 'Your password was changed',
    text: `The password of your account was changed, and everybody who was signed in with the old one was signed out.
If that was not you, set a new password at ${origin} now and look at your second factors.${sign(origin)}`,
  }),
} as const;
