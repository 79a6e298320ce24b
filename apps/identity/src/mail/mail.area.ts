import type { Area } from '../area.js';
import { Mail1700000000004 } from './mail.migration.js';
import { Mailbox } from './mailbox.service.js';

export const mailArea: Area = {
  migrations: [Mail1700000000004],
  compose: ({ mailbox }) => ({ providers: [{ provide: Mailbox, useValue: mailbox }] }),
};
