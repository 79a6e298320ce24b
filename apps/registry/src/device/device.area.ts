import type { Area } from '../area.js';
import { DeviceController } from './device.controller.js';
import { Devices } from './devices.service.js';

/** Devices that were let in. */
export const deviceArea: Area = {
  compose: ({ platform }) => ({
    controllers: [DeviceController],
    providers: [{ provide: Devices, useValue: new Devices(platform.database.request) }],
  }),
};
