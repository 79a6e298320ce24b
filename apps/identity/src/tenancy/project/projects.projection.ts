import type { Envelope, ProjectCreated, ProjectRoleGranted } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';

type Client = Pick<Query, 'query'>;
type Apply = (query: Client, event: Envelope) => Promise<unknown>;

/** Projects with their environments and roles. A deleted project keeps its row: its id is never used again. */
export const projectsProjection: Projection = {
  name: 'projects',
  version: 1,
  tables: ['projects', 'project_environments', 'project_roles'],
  types: [
    'project.created',
    'project.renamed',
    'project.deleted',
    'project.environment_added',
    'project.environment_removed',
    'project.role_granted',
    'project.role_revoked',
  ],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events) await changes[envelope.type]?.(client as Client, envelope);
  },
};

const addEnvironment = (query: Client, { tenantId, data, occurredAt }: Envelope, environment: unknown) =>
  query.query(
    `insert into project_environments (tenant_id, project_id, environment, added_at) values ($1, $2, $3, $4)
     on conflict do nothing`,
    [tenantId, data.projectId, environment, occurredAt],
  );

const changes: Readonly<Record<string, Apply>> = {
  'project.created': async (query, event) => {
    const { projectId, name, environments } = event.data as unknown as ProjectCreated;
    await query.query(
      `insert into projects (tenant_id, project_id, name, status, created_at, revision)
       values ($1, $2, $3, 'active', $4, $5)`,
      [event.tenantId, projectId, name, event.occurredAt, event.revision],
    );
    for (const environment of environments) await addEnvironment(query, event, environment);
  },
  'project.renamed': (query, { tenantId, data, revision }) =>
    query.query('update projects set name = $3, revision = $4 where tenant_id = $1 and project_id = $2', [
      ...[tenantId, data.projectId, data.name, revision],
    ]),
  'project.deleted': async (query, { tenantId, data, revision }) => {
    await query.query(
      `update projects set status = 'deleted', revision = $3 where tenant_id = $1 and project_id = $2`,
      [tenantId, data.projectId, revision],
    );
    await query.query('delete from project_environments where tenant_id = $1 and project_id = $2', [
      ...[tenantId, data.projectId],
    ]);
  },
  'project.environment_added': (query, event) => addEnvironment(query, event, event.data.environment),
  'project.environment_removed': (query, { tenantId, data }) =>
    query.query('delete from project_environments where tenant_id = $1 and project_id = $2 and environment = $3', [
      ...[tenantId, data.projectId, data.environment],
    ]),
  'project.role_granted': (query, { tenantId, data, occurredAt }) => {
    const { projectId, subject, role } = data as unknown as ProjectRoleGranted;
    return query.query(
      `insert into project_roles (tenant_id, project_id, subject_type, subject_id, role, granted_at)
       values ($1, $2, $3, $4, $5, $6)`,
      [tenantId, projectId, subject.type, subject.id, role, occurredAt],
    );
  },
  'project.role_revoked': (query, { tenantId, data }) => {
    const { projectId, subject } = data as unknown as ProjectRoleGranted;
    return query.query(
      `delete from project_roles
       where tenant_id = $1 and project_id = $2 and subject_type = $3 and subject_id = $4`,
      [tenantId, projectId, subject.type, subject.id],
    );
  },
};
