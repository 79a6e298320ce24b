import type { Area, AreaContext } from '../area.js';
import { devicesProjection } from '../device/devices.projection.js';
import { Devices1700000003002 } from '../migrations/2-devices.js';
import { ApprovalController } from './approval.controller.js';
import { Asking } from './asking.service.js';
import { DeviceKeyMint } from './device-keys.service.js';
import { Owners } from './owners.service.js';
import { RegistrationController } from './registration.controller.js';
import { RegistrationCounts } from './registration-counts.js';
import { RegistrationSweeper } from './registration-sweeper.service.js';
import { RegistrationWaits } from './registration-waits.js';
import { Registrations } from './registrations.service.js';
import { UnownedRegistrations } from './unowned-registrations.js';
import { UntilKnown } from './until-known.service.js';

/** How devices come in: they ask, somebody decides, they fetch their key. */
export const registrationArea: Area = {
  migrations: [Devices1700000003002],
  inline: [devicesProjection],
  compose: (context) => {
    const { platform, store } = context;
    const { system } = platform.database;
    const registrations = new Registrations({
      ...{ store, system, pepper: platform.pepper },
      maxPending: context.settings.REGISTRATIONS_PENDING,
    });
    const unowned = new UnownedRegistrations(system, platform.pepper, context.settings.REGISTRATIONS_PENDING);
    const sweeper = new RegistrationSweeper({ platform, store, unowned });
    const onError = platform.warn('policy did not say how far it knows devices');
    return {
      controllers: [RegistrationController, ApprovalController],
      providers: [
        { provide: Registrations, useValue: registrations },
        { provide: Asking, useValue: askingOf(context, registrations, unowned) },
        { provide: UntilKnown, useValue: new UntilKnown(() => platform.bus.nc, onError) },
      ],
      start: () => sweeper.start(),
      stop: () => sweeper.stop(),
    };
  },
};

function askingOf(context: AreaContext, registrations: Registrations, unowned: UnownedRegistrations): Asking {
  const { platform, settings, store, grantKeys } = context;
  const { system } = platform.database;
  return new Asking({
    publicUrl: settings.PUBLIC_URL,
    relays: settings.RELAYS,
    grantKeys,
    registrations,
    unowned,
    owners: new Owners({ query: system, pepper: platform.pepper, bus: () => platform.bus.nc }),
    counts: new RegistrationCounts(system, platform.pepper, {
      perAddress: settings.REGISTRATIONS_PER_ADDRESS,
      perOwner: settings.REGISTRATIONS_PER_OWNER,
    }),
    mint: new DeviceKeyMint(store, platform.pepper, settings.DEVICE_KEY_DAYS * 86_400_000),
    waits: new RegistrationWaits(platform.wake),
  });
}
