import type { EntityDescribed } from '@gatehouse/contracts';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { commandHeaders } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { describedView, entityView, written } from './entity-views.js';
import { descriptionInput, nameInput, relationshipInput } from './fact-input.js';
import { FACT_WRITING, type FactChangeRequest, type FactWriting, positionView } from './fact-writing.service.js';

/** Not the entity: who holds a role on it must not say of it what policies go by. */
export const mayWrite = { kind: 'action', action: 'fact.write', resource: 'tenant/facts' } as const;

const entities = '/api/v1/policy/entities';
const relationships = '/api/v1/policy/relationships';
const problems = ['forbidden', 'stale_revision', 'idempotency_key_reused'];

const put = defineRoute({
  method: 'PUT',
  path: entities,
  summary: 'Says what is known of a subject or resource; replaces what was said before',
  access: mayWrite,
  body: descriptionInput,
  headers: commandHeaders,
  response: entityView.extend(written),
  problems,
});
const forget = defineRoute({
  method: 'POST',
  path: `${entities}/forget`,
  summary: 'Forgets what is known of a subject or resource',
  access: mayWrite,
  body: z.strictObject({ entity: nameInput }),
  headers: commandHeaders,
  problems,
});
const relate = defineRoute({
  method: 'POST',
  path: relationships,
  summary: 'Puts a subject into a relation to a resource',
  access: mayWrite,
  body: relationshipInput,
  headers: commandHeaders,
  problems,
});
const unrelate = defineRoute({
  method: 'POST',
  path: `${relationships}/end`,
  summary: 'Ends a relation of a subject to a resource',
  access: mayWrite,
  body: relationshipInput,
  headers: commandHeaders,
  problems,
});

@Controller()
export class EntityController {
  constructor(@Inject(FACT_WRITING) private readonly writing: FactWriting) {}

  @Route(put)
  async put(@Input() { body }: InputOf<typeof put>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const reader = this.writing.reader();
    const facts = reader.description(body, 'body');
    reader.finish();
    const changed = await this.write(request, caller, 'entity.describe', { change: 'describe', facts, path: 'body' });
    // A repeated request is told what the first one stored.
    const stored = (changed.events.at(-1)?.data ?? facts) as unknown as EntityDescribed;
    return { ...describedView(stored, changed.revision), ...positionView(changed) };
  }

  @Route(forget)
  async forget(@Input() { body }: InputOf<typeof forget>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const reader = this.writing.reader();
    const entity = reader.entity(body.entity, 'body.entity');
    reader.finish();
    const changed = await this.write(request, caller, 'entity.forget', { change: 'forget', entity });
    return { entity, forgotten: true, revision: changed.revision, ...positionView(changed) };
  }

  @Route(relate)
  relate(@Input() { body }: InputOf<typeof relate>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    return this.related(request, caller, body, 'relate');
  }

  @Route(unrelate)
  unrelate(@Input() { body }: InputOf<typeof unrelate>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    return this.related(request, caller, body, 'unrelate');
  }

  private async related(
    request: HttpRequest,
    caller: Principal,
    body: z.output<typeof relationshipInput>,
    change: 'relate' | 'unrelate',
  ) {
    const reader = this.writing.reader();
    const relationship = reader.relationship(body, 'body');
    reader.finish();
    const changed = await this.write(request, caller, `relationship.${change}`, { change, relationship });
    return { ...relationship, active: change === 'relate', revision: changed.revision, ...positionView(changed) };
  }

  private write(request: HttpRequest, caller: Principal, operation: string, change: FactChangeRequest) {
    return this.writing.write({ request, caller, operation, changes: [change] });
  }
}
