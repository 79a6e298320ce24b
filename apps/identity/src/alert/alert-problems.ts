import { defineProblems, type ProblemDefinition } from '@gatehouse/http';
import { defineUniqueness } from '../problems.js';

const alertProblems = {
  channel_name_taken: { status: 409, title: 'The tenant has a channel of this name' },
  too_many_channels: { status: 409, title: 'The tenant has as many channels as it can have' },
  channel_without_secret: { status: 409, title: 'Only a webhook has a secret' },
  recipient_not_member: { status: 400, title: 'Letters about alerts go to members of the tenant only' },
} as const satisfies Record<string, ProblemDefinition>;

defineProblems(alertProblems);
defineUniqueness({ alert_channels_name: 'channel_name_taken' });
