import {
  Caller,
  defineProblems,
  defineRoute,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { candidateSchema } from './candidate-input.js';
import { Simulating } from './simulating.service.js';

defineProblems({ simulation_busy: { status: 429, title: 'As many replays run as may run at once' } });

const base = '/api/v1/policy/simulations';
const access = { kind: 'action', action: 'policy.simulate', resource: 'policy/simulations' } as const;
const time = z.iso.datetime({ offset: true });
const params = z.object({ simulationId: z.uuid() });

const simulate = defineRoute({
  method: 'POST',
  path: base,
  summary: 'Replays the recorded decisions of a time under another policy, in the background',
  access,
  body: z
    .strictObject({ candidate: candidateSchema, from: time, to: time.optional() })
    .refine(({ from, to }) => Date.parse(from) < (to ? Date.parse(to) : Date.now()), 'from is before to'),
  status: 202,
  // A text of 1 MiB in JSON, its line breaks and quotation marks escaped.
  bodyLimitBytes: 2_621_440,
  problems: ['policy_invalid', 'policy_too_large', 'not_found', 'simulation_busy'],
});

const tightenRoute = defineRoute({
  method: 'POST',
  path: '/api/v1/policy/tighten',
  summary: 'Finds the grants and rules that no decision of the last days rested on, and replays without them',
  access,
  body: z.strictObject({ days: z.int().min(1).max(3_650) }),
  status: 202,
  problems: ['simulation_busy'],
});

const show = defineRoute({
  method: 'GET',
  path: `${base}/:simulationId`,
  summary: 'Says how far a replay is, and what it found',
  access,
  params,
  problems: ['not_found'],
});

const cancel = defineRoute({
  method: 'DELETE',
  path: `${base}/:simulationId`,
  summary: 'Cancels a replay',
  access,
  params,
  problems: ['not_found'],
});

const gone = () =>
  new ProblemError(
    'not_found',
    'There is no such simulation: its result is kept for an hour by the process that ran it, and lost with it. Start it again',
  );

@Controller()
export class SimulationController {
  constructor(@Inject(Simulating) private readonly simulating: Simulating) {}

  @Route(simulate)
  async simulate(@Input() { body }: InputOf<typeof simulate>, @Caller() { tenantId }: Principal) {
    const toMs = body.to ? Date.parse(body.to) : Date.now();
    const span = { tenantId, fromMs: Date.parse(body.from), toMs };
    return { simulationId: await this.simulating.replay(span, body.candidate) };
  }

  @Route(tightenRoute)
  tighten(@Input() { body }: InputOf<typeof tightenRoute>, @Caller() { tenantId }: Principal) {
    const toMs = Date.now();
    return { simulationId: this.simulating.tighten({ tenantId, fromMs: toMs - body.days * 86_400_000, toMs }) };
  }

  @Route(show)
  show(@Input() { params: { simulationId } }: InputOf<typeof show>, @Caller() { tenantId }: Principal) {
    const view = this.simulating.simulations.get(tenantId, simulationId);
    if (!view) throw gone();
    return view;
  }

  @Route(cancel)
  async cancel(@Input() { params: { simulationId } }: InputOf<typeof cancel>, @Caller() { tenantId }: Principal) {
    if (!(await this.simulating.simulations.cancel(tenantId, simulationId))) throw gone();
    return this.simulating.simulations.get(tenantId, simulationId);
  }
}
