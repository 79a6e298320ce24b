import { createAuthorizer } from '@gatehouse/authz';
import { AUTHENTICATE, AUTHORIZE, type Authorize } from '@gatehouse/http';
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
        { provide: AUTHORIZE, useValue: authorize ?? overBus(platform) },
      ],
      exports: [PLATFORM, AUTHORIZE],
    };
  }
}

const overBus = (platform: Platform): Authorize =>
  createAuthorizer({ service: platform.service, connection: () => platform.bus.nc });
