import { AUTHORIZE, type Authorize } from '@gatehouse/http';
import type { Area } from '../area.js';
import { Activity1700000003003 } from '../migrations/3-activity.js';
import { Refusals1700000003004 } from '../migrations/4-refusals.js';
import { Permission } from '../permission.js';
import { Owners } from '../registration/owners.service.js';
import { BulkController } from './bulk/bulk.controller.js';
import { DeviceController } from './device.controller.js';
import { Devices } from './devices.service.js';
import { Managing } from './managing.service.js';
import { SETTINGS, SelfController } from './self/self.controller.js';

/** Devices that were let in. */
export const deviceArea: Area = {
  migrations: [Activity1700000003003, Refusals1700000003004],
  compose: ({ platform, store, settings }) => {
    const { request, system } = platform.database;
    const owners = new Owners({ query: system, pepper: platform.pepper, bus: () => platform.bus.nc });
    return {
      // What has an address of its own comes before what a device may be called.
      controllers: [BulkController, SelfController, DeviceController],
      providers: [
        { provide: Devices, useValue: new Devices(request) },
        { provide: SETTINGS, useValue: settings },
        { provide: Permission, inject: [AUTHORIZE], useFactory: (authorize: Authorize) => new Permission(authorize) },
        {
          provide: Managing,
          inject: [Permission],
          useFactory: (permission: Permission) => new Managing({ store, permission, owners, system }),
        },
      ],
    };
  },
};
