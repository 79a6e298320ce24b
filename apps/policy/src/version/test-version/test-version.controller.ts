import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { parsePolicyValue, runPolicyTests } from '@gatehouse/policy-document';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { digestPattern } from '../draft-version/draft-version.js';
import { invalid } from '../draft-version/drafting.service.js';
import { recordableVersion } from '../recordable-version.js';
import type { VersionContent } from '../version-text.js';
import { readVersion } from '../version-texts.js';

const test = defineRoute({
  method: 'POST',
  path: '/api/v1/policy/versions/:digest/test',
  summary: 'Runs the test cases of a version, or other ones',
  access: { kind: 'action', action: 'policy.read', resource: 'policy/versions' },
  params: z.object({ digest: z.string().regex(digestPattern) }),
  // Their shape is that of the test cases of a policy.
  body: z.strictObject({ tests: z.array(z.unknown()).max(1_000).optional() }),
  problems: ['not_found', 'policy_invalid'],
});

@Controller()
export class TestVersionController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(test)
  async test(@Input() { params: { digest }, body }: InputOf<typeof test>, @Caller() { tenantId }: Principal) {
    const { document, tests } = await readVersion(this.platform.database.source, tenantId, digest);
    const results = runPolicyTests(document, body.tests ? this.given(body.tests) : tests);
    const passed = results.filter((result) => result.passed).length;
    return { passed, failed: results.length - passed, results };
  }

  /** Names in test cases are compared with those of the version, which are in their recordable form. */
  private given(tests: readonly unknown[]): VersionContent['tests'] {
    const parsed = parsePolicyValue({ tests });
    if (parsed.errors.length > 0) throw invalid(parsed.errors);
    const given = { document: {}, actions: [], tests: parsed.tests };
    return recordableVersion(this.platform.pepper, given).content.tests;
  }
}
