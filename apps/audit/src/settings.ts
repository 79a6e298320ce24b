import { setting } from '@gatehouse/config';
import { platformSettings } from '@gatehouse/service';

export const auditSettings = platformSettings.extend({
  LEDGER_KEY_FILE: setting.text('File with the Ed25519 key that signs checkpoints; made at the first start'),
  LEDGER_HEAD_FILE: setting.text(
    'File with the last checkpoint, outside the database: shows a restored or swapped ledger. Never restore it',
  ),
  LEDGER_ORIGIN: setting
    .text("The ledger's name in checkpoints: a URL without scheme, for ever the same")
    .default('gatehouse.local/ledger'),
});
