import { createAuthorizer } from '@gatehouse/authz';
import { AUTHENTICATE, AUTHORIZE, type Authenticate, type Authorize } from '@gatehouse/http';
import type { DynamicModule, Type } from '@nestjs/common';
import { Module } from '@nestjs/common';
import type { Platform } from './platform.js';
import { projectionsController } from './projections.controller.js';
import { toProblem } from './status-profile.js';
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
        { provide: AUTHORIZE, useValue: authorize ?? overBus(platform) },
      ],
      exports: [PLATFORM, AUTHORIZE],
    };
  }
}

const overBus = (platform: Platform): Authorize =>
  createAuthorizer({ service: platform.service, connection: () => platform.bus.nc });

function authenticateFor(platform: Platform): Authenticate {
  const profile = platform.settings.AUTH_STATUS_PROFILE;
  const explain = (error: unknown): never => {
    throw toProblem(error, profile);
  };
  // Stays synchronous for keys: a promise per request would cost more than the look-up itself.
  return (request) => {
    try {
      const found = platform.authenticate({ authorization: request.headers.authorization, ip: request.ip }, Date.now());
      return found instanceof Promise ? found.catch(explain) : found;
    } catch (error) {
      return explain(error);
    }
  };
}
