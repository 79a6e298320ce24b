import { durableConsumers, eventStream, type ServiceName, serviceCalls, services } from './topology.js';

export interface SubjectPermissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

export const inboxPrefix = (user: string): string => `_INBOX_${user}`;

/** The least that a service needs: its own events, its own durables, its own methods and the calls of the table. */
export function permissionsOf(service: ServiceName): SubjectPermissions {
  const durables = durableConsumers.filter((consumer) => consumer.owner === service).map(({ durable }) => durable);
  const calls = serviceCalls.find((row) => row.service === service)?.calls ?? [];
  return {
    publish: [
      `ev.${service}.>`,
      ...calls.map((call) => `rpc.${call}`),
      ...durables.flatMap((durable) => [
        `$JS.API.CONSUMER.INFO.${eventStream.name}.${durable}`,
        `$JS.API.CONSUMER.MSG.NEXT.${eventStream.name}.${durable}`,
        `$JS.ACK.${eventStream.name}.${durable}.>`,
      ]),
    ],
    subscribe: [`rpc.${service}.>`, `${inboxPrefix(service)}.>`],
  };
}

const list = (subjects: readonly string[]): string => subjects.map((subject) => JSON.stringify(subject)).join(', ');

/**
 * The `authorization` block of a NATS server's configuration. Users are known by their public nkeys; the seeds stay
 * with the services. `setup` may do everything and is used only to create streams and consumers.
 */
export function renderNatsAuthorization(publicKeys: Readonly<Record<ServiceName | 'setup', string>>): string {
  const users = services.map((service) => {
    const { publish, subscribe } = permissionsOf(service);
    return `    { nkey: ${publicKeys[service]}, permissions: {
        publish: { allow: [${list(publish)}] }
        subscribe: { allow: [${list(subscribe)}] }
        allow_responses: { max: 1, expires: "30s" } } }`;
  });
  return `authorization {
  timeout: 3
  users: [
    { nkey: ${publicKeys.setup} }
${users.join('\n')}
  ]
}
`;
}
