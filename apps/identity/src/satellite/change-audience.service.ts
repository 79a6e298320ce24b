import { type HandleOptions, PostgresEventStore } from '@gatehouse/event-store';
import { type HttpRequest, type Principal, ProblemError } from '@gatehouse/http';
import { Inject, Injectable } from '@nestjs/common';
import { answering } from '../problems.js';
import { handleCommand } from '../request-command.js';
import { type Audience, audienceDecider, audienceStream } from './audience.js';
import { type AudienceView, viewOfAudience } from './audience-view.js';
import { Audiences } from './audiences.service.js';

interface Change {
  readonly name: string;
  readonly operation: 'audience.create' | 'audience.change' | 'audience.deactivate' | 'audience.reactivate';
  readonly decide: HandleOptions<Audience>['decide'];
}

/** Runs one command on one audience of the caller's tenant and answers how it stands then. */
@Injectable()
export class ChangeAudience {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(Audiences) private readonly audiences: Audiences,
  ) {}

  async run(request: HttpRequest, caller: Principal, { name, operation, decide }: Change): Promise<AudienceView> {
    const streamId = audienceStream(name);
    await answering(() => handleCommand(this.store, audienceDecider, { request, caller, operation, streamId, decide }));
    const row = await this.audiences.ofTenant(caller.tenantId, name);
    if (!row) throw new ProblemError('not_found', 'There is no such audience');
    return viewOfAudience(row);
  }
}
