import type { Area, AreaContext } from '../area.js';
import { FactorAttempts } from './attempts.service.js';
import { ChangeFactorController } from './change-factors/change-factor.controller.js';
import './factor.problems.js';
import { FactorAccess } from './factor-access.service.js';
import { FactorListController } from './factor-list/factor-list.controller.js';
import { Factors1700000000030 } from './factors.migration.js';
import { factorsOfPerson } from './factors-of-person.service.js';
import { FreshProofs } from './fresh-proofs.service.js';
import { AddPasskeyController } from './passkey/add-passkey.controller.js';
import { Passkeys } from './passkey/passkeys.service.js';
import { ProofController } from './proof/proof.controller.js';
import { Proofs } from './proof/proofs.service.js';
import { MakeRecoveryCodesController } from './recovery-code/make-recovery-codes.controller.js';
import { RecoveryCodes } from './recovery-code/recovery-codes.service.js';
import { EnrolStepController } from './sign-in/enrol-step.controller.js';
import { PasskeyStepController } from './sign-in/passkey-step.controller.js';
import { SecondStepController } from './sign-in/second-step.controller.js';
import { SecondStep } from './sign-in/second-step.service.js';
import { EnrolTotpController } from './totp/enrol-totp.controller.js';
import { TotpFactors } from './totp/totp-factors.service.js';

export const factorArea: Area = {
  migrations: [Factors1700000000030],
  compose: (context) => {
    const attempts = new FactorAttempts(context.platform.database.request);
    const fresh = new FreshProofs(context);
    const access = new FactorAccess(context, fresh, attempts);
    context.account.secondFactors.use(access);
    return {
      controllers: [
        FactorListController,
        EnrolTotpController,
        AddPasskeyController,
        MakeRecoveryCodesController,
        ChangeFactorController,
        ProofController,
        SecondStepController,
        PasskeyStepController,
        EnrolStepController,
      ],
      providers: providersOf(context, fresh, access),
      personalData: [factorsOfPerson({ system: context.platform.database.system, subjectKeys: context.subjectKeys })],
    };
  },
};

function providersOf(area: AreaContext, fresh: FreshProofs, access: FactorAccess) {
  const [totp, passkeys, codes] = [new TotpFactors(area), new Passkeys(area), new RecoveryCodes(area)];
  return [
    { provide: FactorAccess, useValue: access },
    { provide: TotpFactors, useValue: totp },
    { provide: Passkeys, useValue: passkeys },
    { provide: RecoveryCodes, useValue: codes },
    { provide: Proofs, useValue: new Proofs({ area, access, fresh, totp, passkeys }) },
    { provide: SecondStep, useValue: new SecondStep({ area, access, totp, passkeys, codes }) },
  ];
}
