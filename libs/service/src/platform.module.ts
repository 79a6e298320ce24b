import { createAuthorizer } from '@gatehouse/authz';
import { type AccessDecision, AUTHENTICATE, AUTHORIZE, type Authorize } from '@gatehouse/http';
import type { DynamicModule, Type } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { authenticateFor } from './authenticate-request.js';
import type { Platform } from './platform.js';
import { projectionsController } from './projections.controller.js';
import { PLATFORM } from './tokens.js';

@Module({})
export class PlatformModule {
  /** The service's own module, with who calls, who may, and the routes that every service has. */
  static around(platform: Platform, inner: Type | DynamicModule, authorize?: Authorize): DynamicModule {
    return {
      module: PlatformModule,
      global: true,
      imports: [inner],
      controllers: [projectionsController(platform.service)],
      providers: [
        { provide: PLATFORM, useValue: platform },
        { provide: AUTHENTICATE, useValue: authenticateFor(platform) },
        { provide: AUTHORIZE, useValue: observed(authorize ?? overBus(platform), platform) },
      ],
      exports: [PLATFORM, AUTHORIZE],
    };
  }
}

const overBus = (platform: Platform): Authorize =>
  createAuthorizer({ service: platform.service, connection: () => platform.bus.nc });

/** Notes every refusal of a known caller. What is answered at once stays so: a promise costs more than the answer. */
function observed(authorize: Authorize, { observations }: Platform): Authorize {
  return (principal, action, resource, request, noted, again) => {
    const note = (answer: AccessDecision): AccessDecision => {
      if (answer?.allowed !== true) observations.denied(principal, request.ip, Date.now());
      return answer;
    };
    const answer = authorize(principal, action, resource, request, noted, again);
    return answer instanceof Promise ? answer.then(note) : note(answer);
  };
}
