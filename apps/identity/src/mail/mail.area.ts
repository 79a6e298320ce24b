import { ConfigError } from '@gatehouse/config';
import type { Area, AreaContext } from '../area.js';
import { FolderTransport } from './folder-transport.service.js';
import type { Transport } from './letter.js';
import { Mail1700000000004 } from './mail.migration.js';
import { MailQueue } from './mail-queue.service.js';
import { Mailbox } from './mailbox.service.js';
import { SmtpTransport } from './smtp-transport.service.js';

export const mailArea: Area = {
  migrations: [Mail1700000000004],
  compose: ({ mailbox, platform, subjectKeys, settings }) => {
    const queue = new MailQueue(platform, subjectKeys, transportOf(settings));
    return {
      providers: [{ provide: Mailbox, useValue: mailbox }],
      personalData: [{ kind: 'letters', read: (userId) => queue.read(userId), erase: (userId) => queue.erase(userId) }],
      start: () => queue.start(),
      stop: () => queue.stop(),
    };
  },
};

function transportOf(settings: AreaContext['settings']): Transport | undefined {
  const { SMTP_URL: url, SMTP_PASSWORD_FILE: passwordFile, MAIL_FROM: from, MAIL_FOLDER: folder } = settings;
  if (url && folder)
    throw new ConfigError([{ variable: 'MAIL_FOLDER', problem: 'goes without SMTP_URL: letters take one way' }]);
  if (url) return new SmtpTransport({ url, from, passwordFile });
  return folder ? new FolderTransport(folder) : undefined;
}
