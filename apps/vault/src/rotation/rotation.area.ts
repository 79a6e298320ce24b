import type { Area } from '../area.js';
import { Secrets } from '../secret/secrets.js';
import { Rotating } from './rotating.service.js';
import { RotationController } from './rotation.controller.js';

/** New values for what somebody knows who should not. */
export const rotationArea: Area = {
  compose: ({ platform }) => ({
    controllers: [RotationController],
    providers: [
      {
        provide: Rotating,
        useFactory: (secrets: Secrets) => new Rotating(platform.database.request, secrets),
        inject: [Secrets],
      },
    ],
  }),
};
