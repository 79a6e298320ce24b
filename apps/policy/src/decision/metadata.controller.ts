import { defineRoute, Route } from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';

export const PUBLIC_URL = Symbol('policy.public-url');

const metadata = defineRoute({
  method: 'GET',
  path: '/.well-known/authzen-configuration',
  summary: 'Describes the decision point (AuthZEN 1.0)',
  access: { kind: 'public' },
});

@Controller()
export class MetadataController {
  constructor(@Inject(PUBLIC_URL) private readonly publicUrl: string) {}

  @Route(metadata)
  metadata() {
    const base = this.publicUrl.replace(/\/+$/, '');
    return {
      policy_decision_point: base,
      access_evaluation_endpoint: `${base}/access/v1/evaluation`,
      access_evaluations_endpoint: `${base}/access/v1/evaluations`,
    };
  }
}
