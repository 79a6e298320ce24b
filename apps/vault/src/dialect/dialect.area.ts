import { PLATFORM, type Platform } from '@gatehouse/service';
import { Inject, Injectable, type OnModuleInit, Optional } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Area } from '../area.js';
import type { Keyring } from '../key/keyring.js';
import { WRAP_ANSWER, type WrapAnswer } from './answer.js';
import { DIALECT_AUTHENTICATE, dialectAuthenticator, TOKEN_DIRECTORY, type TokenDirectory } from './credentials.js';
import { DIALECT_ROUTES, type DialectRoute } from './dialect-route.js';
import { KvDataRoutes } from './kv/data.routes.js';
import { KvMetadataRoutes } from './kv/metadata.routes.js';
import { serveDialect } from './serve-dialect.js';
import { CapabilityRoutes } from './sys/capability.routes.js';
import { MountRoutes } from './sys/mount.routes.js';
import { PolicyRoutes } from './sys/policy.routes.js';
import { SEAL_STATUS, type SealState } from './sys/state.js';
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
  compose: ({ keyring, platform }) => ({
    dialect: [MountRoutes, KvDataRoutes, KvMetadataRoutes, CapabilityRoutes, PolicyRoutes, StateRoutes],
    providers: [
      DialectServer,
      { provide: SEAL_STATUS, useValue: () => sealState(keyring, platform) },
      {
        provide: DIALECT_AUTHENTICATE,
        inject: [PLATFORM, { token: TOKEN_DIRECTORY, optional: true }],
        useFactory: (platform: Platform, tokens?: TokenDirectory) => dialectAuthenticator(platform, tokens),
      },
    ],
  }),
};

/** A vault that holds its keys has some; one that does not is asked of its database, and taken for initialized meanwhile. */
async function sealState({ sealed }: Keyring, { database }: Platform): Promise<SealState> {
  const made = async () => {
    const { rows } = await database.system.query<{ made: boolean }>('select exists (select from root_keys) as made');
    return rows[0]?.made === true;
  };
  const initialized = sealed ? await made().catch(() => true) : true;
  const shares = { threshold: 0, shares: 0, progress: 0, nonce: '' };
  return { initialized, sealed, kind: 'file', ...shares, version: '0.1.0' };
}
