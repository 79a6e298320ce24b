import { type Command, commandGroup } from '../command.js';
import { acknowledgeAlert, listAlerts } from './alerts.js';
import { channelCommands } from './channels.js';
import { alertSettings } from './settings.js';

export const alertCommands: readonly Command[] = [
  listAlerts,
  acknowledgeAlert,
  alertSettings,
  commandGroup('channels', 'Where alerts are sent', channelCommands),
];
