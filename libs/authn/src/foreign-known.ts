import type { IdpConfigured, IdpLinkAdded, IdpRemoved } from '@gatehouse/contracts';
import { type Query, roleNames } from '@gatehouse/event-store';
import type { ProjectedEvent, Projection } from '@gatehouse/projection';

/** On which every replica hears that an issuer (`issuer:<idpId>`) or a link (`link:<idpId>/<subjectIndex>`) changed. */
export const knownIssuersChannel = (service: string): string => `gatehouse_issuers_${service}`;

/** An issuer of somebody else whose API tokens count in one tenant. */
export interface KnownIssuer {
  readonly idpId: string;
  readonly tenantId: string;
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUri: string;
}

export interface KnownLink {
  readonly idpId: string;
  readonly subjectIndex: string;
  readonly userId: string;
}

/** Only the system role reads them: a token is looked up before its tenant is known. */
export const knownIssuersSql = (service: string): string => `
  create table ${service}.known_issuers (
    idp_id uuid primary key,
    tenant_id text not null,
    issuer text not null,
    audience text not null,
    jwks_uri text not null
  );
  create table ${service}.known_links (
    idp_id uuid not null,
    subject_index text not null,
    user_id uuid not null,
    primary key (idp_id, subject_index)
  );
  create function ${service}.tell_issuers() returns trigger language plpgsql as $$
  declare changed jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
  begin
    perform pg_notify('${knownIssuersChannel(service)}',
      tg_argv[0] || ':' || (changed ->> 'idp_id') || coalesce('/' || (changed ->> 'subject_index'), ''));
    return null;
  end $$;
  ${['issuer', 'link'].map((kind) => tableSql(service, kind)).join('\n')}`;

const tableSql = (service: string, kind: string): string => `
  grant select, insert, update, delete on ${service}.known_${kind}s to ${roleNames(service).system};
  create trigger tell_issuers after insert or update or delete on ${service}.known_${kind}s
    for each row execute function ${service}.tell_issuers('${kind}');`;

export const dropKnownIssuersSql = (service: string): string => `
  drop table ${service}.known_issuers, ${service}.known_links;
  drop function ${service}.tell_issuers();`;

type Client = Pick<Query, 'query'>;
type Apply = (client: Client, event: ProjectedEvent['envelope']) => Promise<unknown>;

const changes: Readonly<Record<string, Apply>> = {
  'idp.configured': (client, { tenantId, data }) => {
    const { idpId, issuer, jwksUri, acceptTokens } = data as unknown as IdpConfigured;
    // Its tokens count no longer; the links stay for the day they count again.
    if (!acceptTokens || jwksUri === undefined)
      return client.query('delete from known_issuers where idp_id = $1', [idpId]);
    return client.query(
      `insert into known_issuers (idp_id, tenant_id, issuer, audience, jwks_uri) values ($1, $2, $3, $4, $5)
       on conflict (idp_id) do update set audience = excluded.audience, jwks_uri = excluded.jwks_uri`,
      [idpId, tenantId, issuer, acceptTokens.audience, jwksUri],
    );
  },
  'idp.removed': async (client, { data }) => {
    const { idpId } = data as unknown as IdpRemoved;
    await client.query('delete from known_issuers where idp_id = $1', [idpId]);
    await client.query('delete from known_links where idp_id = $1', [idpId]);
  },
  'idp_link.added': (client, { data }) => {
    const { idpId, subjectIndex, userId } = data as unknown as IdpLinkAdded;
    return client.query(
      `insert into known_links (idp_id, subject_index, user_id) values ($1, $2, $3)
       on conflict (idp_id, subject_index) do update set user_id = excluded.user_id`,
      [idpId, subjectIndex, userId],
    );
  },
  'idp_link.removed': (client, { data }) => {
    const { idpId, subjectIndex } = data as unknown as IdpLinkAdded;
    return client.query('delete from known_links where idp_id = $1 and subject_index = $2', [idpId, subjectIndex]);
  },
};

/** Keeps the issuers whose API tokens are accepted, and who their people are here. */
export const knownIssuersProjection: Projection = {
  name: 'known_issuers',
  version: 1,
  tables: ['known_issuers', 'known_links'],
  types: Object.keys(changes),
  apply: async (client, events) => {
    for (const { envelope } of events) await changes[envelope.type]?.(client as Client, envelope);
  },
};

export async function selectKnownIssuers(query: Query): Promise<readonly KnownIssuer[]> {
  const { rows } = await query.query<KnownIssuer>(
    `select idp_id as "idpId", tenant_id as "tenantId", issuer, audience, jwks_uri as "jwksUri" from known_issuers
     order by idp_id`,
  );
  return rows;
}

/** All links, or those of these keys: `<idpId>/<subjectIndex>`. */
export async function selectKnownLinks(query: Query, keys?: readonly string[]): Promise<readonly KnownLink[]> {
  const text = 'select idp_id as "idpId", subject_index as "subjectIndex", user_id as "userId" from known_links';
  if (!keys) return (await query.query<KnownLink>(text)).rows;
  const pairs = keys.map((key) => key.split('/'));
  const where = '(idp_id, subject_index) in (select * from unnest($1::uuid[], $2::text[]))';
  const values = [pairs.map(([idpId]) => idpId), pairs.map(([, subjectIndex]) => subjectIndex)];
  return (await query.query<KnownLink>(`${text} where ${where}`, values)).rows;
}
