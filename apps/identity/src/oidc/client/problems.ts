import { defineProblems, type ProblemDefinition } from '@gatehouse/http';
import { defineUniqueness } from '../../problems.js';
import type { ClientRefusal } from './change-client.js';

const ownProblems = {
  client_name_taken: { status: 409, title: 'The tenant has a client of this name; names are never used twice' },
  client_already_registered: { status: 409, title: 'This request registered a client before; a secret is shown once' },
  client_secret_already_rotated: {
    status: 409,
    title: 'This request made a secret before, and a secret is shown once',
  },
  client_redirect_uri_invalid: { status: 400, title: 'A redirect URI cannot be registered for a client of this kind' },
  client_redirect_uri_missing: { status: 400, title: 'A client that signs people in needs a redirect URI' },
  client_permission_invalid: { status: 400, title: 'A permission is not a pattern of actions' },
  client_keys_missing: { status: 400, title: 'private_key_jwt and jwks go together' },
  client_setting_not_for_kind: { status: 400, title: 'A client of this kind cannot have one of these settings' },
  client_without_secret: { status: 409, title: 'The client has no secret' },
} as const satisfies Record<Exclude<ClientRefusal, 'not_found'> | (string & {}), ProblemDefinition>;

defineProblems(ownProblems);
defineUniqueness({ oauth_clients_name: 'client_name_taken' });
