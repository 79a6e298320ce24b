import './satellite-problems.js';
import type { Area } from '../area.js';
import { AudienceListController } from './audience-list/audience-list.controller.js';
import { audienceListProjection } from './audience-list/audience-list.projection.js';
import { Audiences } from './audiences.service.js';
import { ChangeAudienceController } from './change-audience/change-audience.controller.js';
import { ChangeAudience } from './change-audience.service.js';
import { CreateAudienceController } from './create-audience/create-audience.controller.js';
import { MintOptions, MintTokenController } from './mint-token/mint-token.controller.js';
import { Audiences1700000000070 } from './satellite.migration.js';
import { TokenSubjects } from './token-subjects.service.js';
import { VerifyTokenController } from './verify-token/verify-token.controller.js';

export const satelliteArea: Area = {
  migrations: [Audiences1700000000070],
  inline: () => [audienceListProjection],
  compose: ({ platform: { database }, people, memberships, settings }) => ({
    controllers: [
      CreateAudienceController,
      AudienceListController,
      ChangeAudienceController,
      MintTokenController,
      VerifyTokenController,
    ],
    providers: [
      ChangeAudience,
      { provide: Audiences, useValue: new Audiences(database.request, database.system) },
      { provide: TokenSubjects, useValue: new TokenSubjects(database.system, people, memberships) },
      {
        provide: MintOptions,
        useValue: { issuer: settings.PUBLIC_URL, guests: settings.GUEST_TOKENS } satisfies MintOptions,
      },
    ],
  }),
};
