import type { Area } from '../area.js';
import { Permission } from '../permission.js';
import { SessionGranting } from './granting.service.js';
import { RELAYS } from './relays.js';
import { SessionController } from './session.controller.js';
import { SessionListController } from './session-list.controller.js';
import { sessionsProjection } from './sessions.projection.js';

/** What people do on devices: granted here, and known afterwards. */
export const sessionArea: Area = {
  inline: [sessionsProjection],
  compose: ({ platform, store, settings, grantKeys }) => ({
    controllers: [SessionListController, SessionController],
    providers: [
      { provide: RELAYS, useValue: settings.RELAYS },
      {
        provide: SessionGranting,
        inject: [Permission],
        useFactory: (permission: Permission) =>
          new SessionGranting({ store, pepper: platform.pepper, permission, grantKeys }),
      },
    ],
  }),
};
