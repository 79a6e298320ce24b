import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { commandHeaders } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { mayWrite } from '../entity.controller.js';
import { written } from '../entity-views.js';
import { descriptionInput, type FactReader, nameInput, relationshipInput } from '../fact-input.js';
import { FACT_WRITING, type FactChangeRequest, type FactWriting, positionView } from '../fact-writing.service.js';

const maxChanges = 500;

const change = z.discriminatedUnion('change', [
  descriptionInput.extend({ change: z.literal('describe') }),
  z.strictObject({ change: z.literal('forget'), entity: nameInput }),
  relationshipInput.extend({ change: z.literal('relate') }),
  relationshipInput.extend({ change: z.literal('unrelate') }),
]);

const changeMany = defineRoute({
  method: 'POST',
  path: '/api/v1/policy/facts',
  summary: 'Changes up to 500 entities and relationships, all or none, with one decision',
  access: mayWrite,
  body: z.strictObject({ changes: z.array(change).min(1).max(maxChanges) }),
  bodyLimitBytes: 4 * 1_048_576,
  headers: commandHeaders,
  response: z.object({ changes: z.number(), changed: z.number(), ...written }),
  problems: ['forbidden', 'idempotency_key_reused'],
});

@Controller()
export class ChangeFactsController {
  constructor(@Inject(FACT_WRITING) private readonly writing: FactWriting) {}

  @Route(changeMany)
  async changeMany(
    @Input() { body }: InputOf<typeof changeMany>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    const reader = this.writing.reader();
    const changes = body.changes.map((each, i) => read(reader, each, `body.changes.${i}`));
    reader.finish();
    const changed = await this.writing.write({ request, caller, operation: 'facts.change', changes });
    return { changes: changes.length, changed: changed.events.length, ...positionView(changed) };
  }
}

function read(reader: FactReader, given: z.output<typeof change>, path: string): FactChangeRequest {
  if (given.change === 'describe') return { change: 'describe', facts: reader.description(given, path), path };
  if (given.change === 'forget') return { change: 'forget', entity: reader.entity(given.entity, `${path}.entity`) };
  return { change: given.change, relationship: reader.relationship(given, path) };
}
