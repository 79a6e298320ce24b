import { existsSync } from 'node:fs';
import { defineCommand } from '../command.js';
import type { Setting } from '../settings/settings.js';

/** Enough to tell two keys apart: the family and eight characters, as lists of keys show it. */
const prefixLength = 12;

export const showConfig = defineCommand({
  command: 'show',
  describe: 'Show every setting and where it comes from; keys stay hidden',
  run: (_flags, tools) => {
    const { folder, url, ca, apiKey, ledgerKey, trustInvalidCertificate } = tools.settings();
    const key = apiKey && { value: `${apiKey.value.slice(0, prefixLength)}...`, from: apiKey.from };
    const checks = trustInvalidCertificate ? 'NOT CHECKED' : 'checked';
    const keyNote = existsSync(ledgerKey.value) ? '' : ' (not fetched yet)';
    const { output } = tools;
    if (output.isJson) output.json({ folder, url, ca, apiKey: key, ledgerKey, trustInvalidCertificate });
    else
      output.facts([
        ['folder', `${folder.path} (${folder.origin})`],
        ['address', told(url)],
        ['authority', ca ? told(ca) : 'those of the system'],
        ['certificates', checks],
        ['key', key ? told(key) : 'none'],
        ['ledger key', told(ledgerKey) + keyNote],
      ]);
    return undefined;
  },
});

const told = ({ value, from }: Setting): string => `${value} (from ${from})`;
