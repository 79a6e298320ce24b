import type { Area } from '../area.js';
import { SubjectKeys } from '../user/subject-keys.service.js';
import { People1700000000002 } from './people.migration.js';
import { peopleProjection } from './people.projection.js';
import { People } from './people.service.js';

export const personArea: Area = {
  migrations: [People1700000000002],
  inline: (secrets) => [peopleProjection(secrets)],
  compose: ({ people, subjectKeys }) => ({
    providers: [
      { provide: People, useValue: people },
      { provide: SubjectKeys, useValue: subjectKeys },
    ],
  }),
};
