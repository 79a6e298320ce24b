import { fileURLToPath } from 'node:url';
import { Connection } from '@gatehouse/config';
import { migrate } from '@gatehouse/service';
import { migrateProgram } from '@gatehouse/service-testing';
import type { Template } from '@gatehouse/testing';
import { vaultService } from '../src/app.module.js';

/** The built program of a service. */
export const programOf = (app: string): string =>
  fileURLToPath(new URL(`../../../${app}/dist/src/main.js`, import.meta.url));

/** A database with the schemas of vault and policy. */
export const schemas: Template = {
  name: 'vault',
  async prepare(adminUrl) {
    await migrateProgram({ name: 'policy', program: programOf('policy'), adminUrl });
    await migrate({
      service: 'vault',
      admin: new Connection(adminUrl, 'admin'),
      passwords: { request: 'request-password-1', system: 'system-password-1' },
      migrations: vaultService.migrations,
    });
  },
};

export const databaseOf = (url: string): string => new URL(url).pathname.slice(1);
