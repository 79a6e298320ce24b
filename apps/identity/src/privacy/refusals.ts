import { defineProblems, type ProblemDefinition } from '@gatehouse/http';

defineProblems({
  recent_sign_in_required: { status: 403, title: 'This needs a sign-in of the last fifteen minutes' },
  proof_required: { status: 403, title: 'This needs the password, or a code of the second factor' },
  export_running: { status: 409, title: 'The person is being exported: wait for that export' },
  export_limit: { status: 429, title: 'The person was exported as often as may be in a day' },
  export_not_ready: { status: 409, title: 'The archive is not ready' },
  export_gone: { status: 404, title: 'The archive cannot be read any more' },
  erasure_running: { status: 409, title: 'The person is being erased' },
  erasure_started: { status: 409, title: 'The erasure has begun and cannot be cancelled' },
  erasure_last_owner: { status: 409, title: 'The person is the last owner of organizations that go on' },
  confirmation_wrong: { status: 400, title: 'The confirmation does not name the person' },
} as const satisfies Record<string, ProblemDefinition>);
