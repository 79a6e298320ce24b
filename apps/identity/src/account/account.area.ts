import type { Area } from '../area.js';
import { SwitchUserController } from '../user/switch-user/switch-user.controller.js';
import { UserSwitch } from '../user/user-switch.service.js';
import { Account1700000000020 } from './account.migration.js';
import { ACCOUNT } from './account.service.js';
import { startAccountChores } from './account-chores.service.js';
import { accountData } from './account-data.service.js';
import { AccountTables1700000000021 } from './account-tables.migration.js';
import { PasswordController } from './password/password.controller.js';
import { Passwords } from './password/passwords.service.js';
import './problems.js';
import { ProfileController } from './profile/profile.controller.js';
import { RegistrationController } from './registration/registration.controller.js';
import { SessionsController } from './session/sessions.controller.js';
import { sessionsProjection } from './session/sessions.projection.js';
import { Sessions } from './session/sessions.service.js';
import { SignInController } from './sign-in/sign-in.controller.js';
import { SignIns } from './sign-in/sign-ins.service.js';
import { TenantFixed1700000000022 } from './tenant-fixed.migration.js';

export const accountArea: Area = {
  migrations: [Account1700000000020, AccountTables1700000000021, TenantFixed1700000000022],
  inline: () => [sessionsProjection],
  compose: ({ account, platform }) => {
    let chores: { stop: () => Promise<void> } | undefined;
    return {
      controllers: [
        SignInController,
        RegistrationController,
        PasswordController,
        SessionsController,
        ProfileController,
        SwitchUserController,
      ],
      providers: [
        { provide: ACCOUNT, useValue: account },
        { provide: Sessions, useValue: account.sessions },
        { provide: SignIns, useValue: account.signIns },
        { provide: Passwords, useValue: account.passwords },
        { provide: UserSwitch, useValue: account.userSwitch },
      ],
      personalData: accountData(platform.database.system, account),
      start: () => {
        chores = startAccountChores(platform, account);
      },
      stop: async () => {
        await chores?.stop();
        account.hasher.stop();
      },
    };
  },
};
