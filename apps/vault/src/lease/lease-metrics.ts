import { counter } from '@gatehouse/telemetry';

export const failures = counter('gatehouse_lease_failures', 'Attempts to end a lease or change a password that failed');
export const alarms = counter('gatehouse_lease_alarms', 'Leases, passwords and databases that somebody was told of');
export const ended = counter('gatehouse_leases_ended', 'Leases ended by the keeper');
