import type { Command } from '../../command.js';
import { deviceHistory, groupDevice, labelDevice, removeDevice, renameDevice, setDevice } from './change-devices.js';
import { listDevices, showDevice } from './list-devices.js';
import { approveDevice, liftRejection, rejectDevice } from './registrations.js';

export const inventoryCommands: readonly Command[] = [
  ...[listDevices, showDevice, approveDevice, rejectDevice, liftRejection, renameDevice, setDevice, removeDevice],
  ...[labelDevice, groupDevice, deviceHistory],
];
