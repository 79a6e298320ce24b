import { serve } from '@gatehouse/bus';
import { deviceOwner } from '@gatehouse/contracts';
import type { Area } from '../area.js';
import { SubjectKeys } from '../user/subject-keys.service.js';
import { People1700000000002 } from './people.migration.js';
import { peopleProjection } from './people.projection.js';
import { People, personalTenantId } from './people.service.js';

export const personArea: Area = {
  migrations: [People1700000000002],
  inline: (secrets) => [peopleProjection(secrets)],
  compose: ({ platform, people, subjectKeys }) => {
    platform.bus.whenConnected((nc) =>
      serve(nc, deviceOwner, ({ emailIndex }) => ownerOf(people, emailIndex), {
        onError: platform.warn('the owner of a device could not be looked up'),
      }),
    );
    return {
      providers: [
        { provide: People, useValue: people },
        { provide: SubjectKeys, useValue: subjectKeys },
      ],
    };
  },
};

/** Who would own a device that names this address. Whoever is not let in owns nothing new. */
async function ownerOf(people: People, emailIndex: string) {
  const person = await people.byIndex(emailIndex);
  if (person?.status !== 'active') return {};
  return { owner: { userId: person.userId, tenantId: personalTenantId(person.userId) } };
}
