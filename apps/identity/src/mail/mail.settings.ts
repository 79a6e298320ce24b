import { setting } from '@gatehouse/config';

export const mailSettings = {
  SMTP_URL: setting
    .url('Server that letters are sent by: smtp:// (with STARTTLS, unless on this machine) or smtps://', [
      'smtp',
      'smtps',
    ])
    .optional(),
  SMTP_PASSWORD_FILE: setting.text('File with the password of the user in SMTP_URL').optional(),
  MAIL_FROM: setting.text('Sender of letters').default('Gatehouse <gatehouse@localhost>'),
  MAIL_FOLDER: setting.text('For development: folder that letters are written to instead of being sent').optional(),
} as const;
