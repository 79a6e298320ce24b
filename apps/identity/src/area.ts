import type { Pepper, RootKey } from '@gatehouse/crypto';
import type { PostgresEventStore } from '@gatehouse/event-store';
import type { ReadinessCheck } from '@gatehouse/http';
import type { Projection } from '@gatehouse/projection';
import type { Platform, ServiceDefinition } from '@gatehouse/service';
import type { Provider, Type } from '@nestjs/common';
import type { z } from 'zod';
import type { Account } from './account/account.service.js';
import type { Mailbox } from './mail/mailbox.service.js';
import type { Observations } from './observation/observations.service.js';
import type { People } from './person/people.service.js';
import type { identitySettings } from './settings.js';
import type { SigningKeys } from './signing-key/signing-keys.service.js';
import type { Memberships } from './tenancy/memberships.service.js';
import type { SubjectKeys } from './user/subject-keys.service.js';

/** The two secrets everything of this service hangs on. */
export interface Secrets {
  readonly root: RootKey;
  readonly pepper: Pepper;
}

/** What an area may build on. */
export interface AreaContext extends Secrets {
  readonly platform: Platform;
  readonly settings: z.output<typeof identitySettings>;
  readonly store: PostgresEventStore;
  readonly subjectKeys: SubjectKeys;
  readonly people: People;
  readonly memberships: Memberships;
  /** Sign-ins, sessions, passwords. */
  readonly account: Account;
  readonly signingKeys: SigningKeys;
  readonly mailbox: Mailbox;
  /** What all services report of credentials used and refused. */
  readonly observations: Observations;
  /** What every area holds on a person; complete once all areas are composed. */
  readonly personalData: () => readonly PersonalData[];
  /** What every area keeps for a time only; complete once all areas are composed. */
  readonly retention: () => readonly Retention[];
}

/** One kind of rows on a person that stand outside of events: for the export of a person and for the erasure. */
export interface PersonalData {
  /** Names the kind in the archive: `sessions`, `second_factors`. */
  readonly kind: string;
  /** Everything held, in clear, as the person may see it: no secret, no hash. */
  readonly read: (userId: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Deletes it in every tenant and answers how many rows that were. Must be safe to repeat. */
  readonly erase: (userId: string) => Promise<number>;
}

/** One kind of rows that are kept for a time only. */
export interface Retention {
  /** Names the kind in settings and records: `sign_in_failures`. */
  readonly kind: string;
  /** How long it is kept where nobody said otherwise. */
  readonly defaultDays: number;
  /** Deletes what ended before `before`, in all tenants, in statements of bounded size; answers how many rows. */
  readonly sweep: (before: Date) => Promise<number>;
}

export interface AreaParts {
  readonly controllers?: readonly Type[];
  readonly providers?: readonly Provider[];
  /** Read models that follow the log, a moment behind. */
  readonly projections?: readonly Projection[];
  readonly personalData?: readonly PersonalData[];
  readonly retention?: readonly Retention[];
  readonly checks?: readonly ReadinessCheck[];
  readonly start?: () => void | Promise<void>;
  readonly stop?: () => Promise<void>;
}

/** A part of this service with its own tables: one row of the table in `app.module.ts`. */
export interface Area {
  readonly migrations: ServiceDefinition<typeof identitySettings>['migrations'];
  // Entity classes, as TypeORM takes them.
  readonly entities?: readonly (abstract new () => object)[];
  /** Read models written in the transaction of their events, so that a caller reads back what it wrote. */
  readonly inline?: (secrets: Secrets) => readonly Projection[];
  readonly compose?: (context: AreaContext) => AreaParts;
}
