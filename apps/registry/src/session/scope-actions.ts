import type { DeviceAction, GrantScope } from '@gatehouse/session';

/** What a session of a kind needs. `any`: it works with some of them, and the grant names those. */
export interface NeededActions {
  readonly actions: readonly DeviceAction[];
  readonly any?: true;
}

const byKind: { readonly [K in GrantScope['kind']]: (scope: Extract<GrantScope, { kind: K }>) => NeededActions } = {
  shell: () => ({ actions: ['device.shell'] }),
  exec: () => ({ actions: ['device.exec'] }),
  files: ({ write }) => ({ actions: write ? ['device.files.read', 'device.files.write'] : ['device.files.read'] }),
  forward: () => ({ actions: ['device.forward'] }),
  logs: () => ({ actions: ['device.logs'] }),
  metrics: () => ({ actions: ['device.metrics'] }),
  // Real ssh, scp and rsync say only on the device what they are about to do.
  ssh: () => ({
    actions: ['device.shell', 'device.exec', 'device.files.read', 'device.files.write', 'device.forward'],
    any: true,
  }),
  recording: () => ({ actions: ['device.recordings.read'] }),
};

export const actionsFor = (scope: GrantScope): NeededActions =>
  (byKind[scope.kind] as (scope: GrantScope) => NeededActions)(scope);
