import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { Checker } from '../check/checker.service.js';
import { digestPattern } from '../draft-version/draft-version.js';
import { invalid } from '../draft-version/drafting.service.js';
import { readVersionText } from '../version-texts.js';

const test = defineRoute({
  method: 'POST',
  path: '/api/v1/policy/versions/:digest/test',
  summary: 'Runs the test cases of a version, or other ones',
  access: { kind: 'action', action: 'policy.read', resource: 'policy/versions' },
  params: z.object({ digest: z.string().regex(digestPattern) }),
  // Their shape is that of the test cases of a policy.
  body: z.strictObject({ tests: z.array(z.unknown()).max(1_000).optional() }),
  problems: ['not_found', 'policy_invalid', 'policy_too_complex'],
});

@Controller()
export class TestVersionController {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(Checker) private readonly checker: Checker,
  ) {}

  @Route(test)
  async test(@Input() { params: { digest }, body }: InputOf<typeof test>, @Caller() { tenantId }: Principal) {
    const text = await readVersionText(this.platform.database.source, tenantId, digest);
    const tried = await this.checker.run('tryOut', text, body.tests, this.platform.pepper);
    if (!tried.ok) throw invalid(tried.errors);
    const passed = tried.results.filter((result) => result.passed).length;
    return { passed, failed: tried.results.length - passed, results: tried.results };
  }
}
