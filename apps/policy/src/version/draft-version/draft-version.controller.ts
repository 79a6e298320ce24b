import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { commandContext } from '@gatehouse/service';
import { recordedText } from '@gatehouse/telemetry';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { Drafting } from './drafting.service.js';

const draft = defineRoute({
  method: 'POST',
  path: '/api/v1/policy/versions',
  summary: 'Makes a policy a version, addressed by its digest; it decides nothing until it is activated',
  access: { kind: 'action', action: 'policy.write', resource: 'policy/versions' },
  body: z
    .strictObject({
      text: z.string().max(1_048_576).optional(),
      format: z.enum(['yaml', 'json']).optional(),
      document: z.unknown().optional(),
      title: recordedText(200).optional(),
    })
    .refine(({ text, document }) => (text === undefined) !== (document === undefined), 'needs text or document'),
  status: 201,
  // A text of 1 MiB in JSON, its line breaks and quotation marks escaped.
  bodyLimitBytes: 2_621_440,
  problems: ['policy_invalid', 'policy_too_large', 'policy_too_complex', 'too_many_drafts'],
});

@Controller()
export class DraftVersionController {
  constructor(@Inject(Drafting) private readonly drafting: Drafting) {}

  @Route(draft)
  draft(@Input() { body }: InputOf<typeof draft>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { document, ...given } = body;
    return this.drafting.draft({ ...given, value: document }, commandContext(request, caller, Date.now()));
  }
}
