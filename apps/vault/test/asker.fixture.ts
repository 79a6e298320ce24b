import type { HttpRequest } from '@gatehouse/http';
import type { Asker } from '../src/asker.js';
import type { Somebody } from './vault-stack.fixture.js';

/** Somebody who asks without HTTP: the parts of a request that decisions and commands read. */
export const askerOf = ({ tenantId, id }: Somebody, headers: Readonly<Record<string, string>> = {}): Asker => ({
  caller: { type: 'service', id, tenantId },
  request: { headers, ip: '127.0.0.1', trace: null, decisionId: null } as unknown as HttpRequest,
});
