import { handle, PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { People, type Person } from '../../person/people.service.js';
import { commandContext } from '../../request-command.js';
import { Memberships } from '../../tenancy/memberships.service.js';
import { SubjectKeys } from '../../user/subject-keys.service.js';
import { userDecider, userStream } from '../../user/user.js';
import { ACCOUNT, type Account } from '../account.service.js';
import { personName } from '../account-schemas.js';
import { ownSession, type SignedIn } from '../own-session.js';

const profile = z.object({
  id: z.uuid(),
  email: z.string().nullable(),
  name: z.string().nullable(),
  created_at: z.iso.datetime(),
  tenant: z.string(),
  tenants: z.array(z.object({ id: z.string(), name: z.string(), kind: z.string(), role: z.string() })),
  session_id: z.string().nullable(),
  methods: z.array(z.string()),
  has_password: z.boolean(),
  second_factors: z.array(z.string()),
});

const read = defineRoute({
  method: 'GET',
  path: '/api/v1/auth/me',
  summary: 'Shows the signed-in person: profile, tenants with roles, and how this session was signed in',
  access: { kind: 'authenticated' },
  response: profile,
  problems: ['forbidden'],
});

const change = defineRoute({
  method: 'PATCH',
  path: '/api/v1/auth/me',
  summary: "Changes the caller's name",
  access: { kind: 'authenticated' },
  body: z.strictObject({ name: personName }),
  response: profile,
  bodyLimitBytes: 4_096,
  problems: ['forbidden'],
});

@Controller()
export class ProfileController {
  constructor(
    @Inject(ACCOUNT) private readonly account: Account,
    @Inject(People) private readonly people: People,
    @Inject(Memberships) private readonly memberships: Memberships,
    @Inject(SubjectKeys) private readonly subjectKeys: SubjectKeys,
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
  ) {}

  @Route(read)
  async read(@Caller() caller: SignedIn) {
    return this.show(await this.personOf(caller), caller);
  }

  @Route(change)
  async change(@Input() { body }: InputOf<typeof change>, @Caller() caller: SignedIn, @Req() request: HttpRequest) {
    ownSession(caller);
    const person = await this.personOf(caller);
    const { homeTenantId: tenantId, userId } = person;
    const seal = await this.subjectKeys.sealerFor(tenantId, userId);
    const sealed = { name: seal('name', body.name) };
    await handle(this.store, userDecider, {
      streamId: userStream(userId),
      context: { ...commandContext(request, caller, Date.now()), tenantId },
      decide: ({ status }) =>
        status === 'registered' ? [{ type: 'user.profile_changed', version: 1, data: { userId }, sealed }] : [],
    });
    return this.show(await this.personOf(caller), caller);
  }

  private async personOf({ type, id, scopes }: SignedIn): Promise<Person> {
    const person = type === 'user' && scopes === undefined ? await this.people.byId(id) : undefined;
    if (person?.status !== 'active') throw new ProblemError('forbidden', 'This needs a signed-in person');
    return person;
  }

  private async show(person: Person, { sessionId, tenantId }: SignedIn): Promise<z.output<typeof profile>> {
    const { sessions, passwords, secondFactors } = this.account;
    const [known, tenants, open, hasPassword, factors] = await Promise.all([
      this.people.profileOf(person),
      this.memberships.tenantsOf(person.userId),
      sessions.list(person.userId),
      passwords.has(person),
      secondFactors.enrolled(person.userId),
    ]);
    return {
      id: person.userId,
      email: known.email ?? null,
      name: known.name ?? null,
      created_at: person.registeredAt.toISOString(),
      tenant: tenantId,
      tenants: tenants.map(({ tenantId: id, name, kind, role }) => ({ id, name, kind, role })),
      session_id: sessionId ?? null,
      methods: [...(open.find((session) => session.sessionId === sessionId)?.methods ?? [])],
      has_password: hasPassword,
      second_factors: [...factors],
    };
  }
}
