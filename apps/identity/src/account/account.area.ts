import type { Area } from '../area.js';
import { Account1700000000020 } from './account.migration.js';
import './problems.js';
import { Passwords } from './password/passwords.service.js';
import { sessionsProjection } from './session/sessions.projection.js';
import { Sessions } from './session/sessions.service.js';
import { SignIns } from './sign-in/sign-ins.service.js';

export const accountArea: Area = {
  migrations: [Account1700000000020],
  inline: () => [sessionsProjection],
  compose: ({ account }) => ({
    providers: [
      { provide: Sessions, useValue: account.sessions },
      { provide: SignIns, useValue: account.signIns },
      { provide: Passwords, useValue: account.passwords },
    ],
    stop: async () => account.hasher.stop(),
  }),
};
