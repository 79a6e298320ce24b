import { PLATFORM, type Platform } from '@gatehouse/service';
import { Inject, Injectable, type OnModuleInit, Optional } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Area } from '../area.js';
import { WRAP_ANSWER, type WrapAnswer } from './answer.js';
import { DIALECT_AUTHENTICATE, dialectAuthenticator, TOKEN_DIRECTORY, type TokenDirectory } from './credentials.js';
import { DIALECT_ROUTES, type DialectRoute } from './dialect-route.js';
import { KvDataRoutes } from './kv/data.routes.js';
import { KvMetadataRoutes } from './kv/metadata.routes.js';
import { serveDialect } from './serve-dialect.js';
import { CapabilityRoutes } from './sys/capability.routes.js';
import { MountRoutes } from './sys/mount.routes.js';
import { PolicyRoutes } from './sys/policy.routes.js';
import { StateRoutes } from './sys/state.routes.js';

/** Puts the routes of all areas on the server, before it listens. */
@Injectable()
class DialectServer implements OnModuleInit {
  constructor(
    @Inject(DIALECT_ROUTES) private readonly routes: readonly DialectRoute[],
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Optional() @Inject(WRAP_ANSWER) private readonly wrap?: WrapAnswer,
  ) {}

  onModuleInit(): void {
    serveDialect(this.host.httpAdapter.getInstance(), this.routes, this.wrap);
  }
}

/** The protocol of Vault's clients, under `/v1/`: what they send, and how they are answered. */
export const dialectArea: Area = {
  compose: () => ({
    dialect: [MountRoutes, KvDataRoutes, KvMetadataRoutes, CapabilityRoutes, PolicyRoutes, StateRoutes],
    providers: [
      DialectServer,
      {
        provide: DIALECT_AUTHENTICATE,
        inject: [PLATFORM, { token: TOKEN_DIRECTORY, optional: true }],
        useFactory: (platform: Platform, tokens?: TokenDirectory) => dialectAuthenticator(platform, tokens),
      },
    ],
  }),
};
