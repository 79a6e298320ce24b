import type { Area } from '../area.js';
import { JwksController } from './jwks.controller.js';
import { SigningKeys1700000000003 } from './signing-key.migration.js';
import { SigningKeys } from './signing-keys.service.js';

export const signingKeyArea: Area = {
  migrations: [SigningKeys1700000000003],
  compose: ({ signingKeys }) => ({
    controllers: [JwksController],
    providers: [{ provide: SigningKeys, useValue: signingKeys }],
    checks: [
      {
        name: 'signing_keys',
        check: async () => (signingKeys.loaded ? 'ok' : { problem: 'no signing key is loaded' }),
      },
    ],
    start: () => void signingKeys.start(),
    stop: () => signingKeys.stop(),
  }),
};
