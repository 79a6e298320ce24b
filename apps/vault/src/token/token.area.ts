import type { Area } from '../area.js';
import { WRAP_ANSWER } from '../dialect/answer.js';
import { TOKEN_DIRECTORY } from '../dialect/credentials.js';
import { loginParts } from '../login/login-parts.js';
import { Tokens1700000002301 } from '../migrations/2301-tokens.js';
import { WrappingRoutes } from '../wrapping/wrapping.routes.js';
import { Wrapping } from '../wrapping/wrapping.service.js';
import { Sweep } from './sweep.service.js';
import { TokenRoutes } from './token.routes.js';
import { TokenDirectory, tokensChannel } from './token-directory.service.js';
import { TokenQuota } from './token-quota.js';
import { Tokens } from './tokens.service.js';

/** Tokens that the vault makes, the logins that give them, and answers that are wrapped for one reader. */
export const tokenArea: Area = {
  migrations: [Tokens1700000002301],
  channels: [tokensChannel],
  compose: (context) => {
    const { platform, store, keyring } = context;
    const { request: pool, system } = platform.database;
    const { pepper, callers, wake, observations } = platform;
    const directory = new TokenDirectory({ pepper, query: system, wake, callers });
    const tokens = new Tokens({ store, pool, pepper, callers, directory, quota: new TokenQuota(system) });
    const wrapping = new Wrapping({ store, system, keyring, pepper, observations });
    const login = loginParts(context, tokens, directory);
    const sweep = new Sweep(platform);
    return {
      dialect: [TokenRoutes, WrappingRoutes, ...(login.dialect ?? [])],
      providers: [
        { provide: TokenDirectory, useValue: directory },
        { provide: TOKEN_DIRECTORY, useValue: directory },
        { provide: Tokens, useValue: tokens },
        { provide: Wrapping, useValue: wrapping },
        { provide: WRAP_ANSWER, useValue: wrapping.wrap },
        ...(login.providers ?? []),
      ],
      start: () => {
        directory.start();
        sweep.start();
      },
      stop: async () => {
        directory.stop();
        await sweep.stop();
        await login.stop?.();
      },
    };
  },
};
