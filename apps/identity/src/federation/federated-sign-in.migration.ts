import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class FederatedSignIn1700000000051 implements MigrationInterface {
  name = 'FederatedSignIn1700000000051';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      create table identity.idp_links (
        tenant_id text not null,
        idp_id uuid not null,
        subject_index text not null,
        user_id uuid not null,
        linked_at timestamptz not null,
        primary key (tenant_id, idp_id, subject_index),
        constraint idp_links_person unique (tenant_id, idp_id, user_id)
      );
      create index idp_links_user on identity.idp_links (user_id);
      ${tenantTableSql('identity', 'idp_links', 'select, insert, update, delete')}
      create table identity.federation_requests (
        tenant_id text not null,
        user_id uuid not null,
        idp_id uuid not null,
        subject_index text not null,
        status text not null check (status in ('pending', 'approved', 'rejected')),
        email jsonb,
        requested_at timestamptz not null,
        primary key (tenant_id, user_id),
        constraint federation_requests_subject unique (tenant_id, idp_id, subject_index)
      );
      ${tenantTableSql('identity', 'federation_requests', 'select, insert, update, delete')}
      create table identity.federated_members (
        tenant_id text not null,
        user_id uuid not null,
        governed text not null check (governed in ('federation', 'removed')),
        primary key (tenant_id, user_id)
      );
      ${tenantTableSql('identity', 'federated_members', 'select, insert, update, delete')}
      -- Sign-ins on their way: half an hour at most, and nothing in them that finishes one.
      create table identity.federated_sign_ins (
        cookie_hash bytea primary key,
        tenant_id text not null,
        idp_id uuid not null,
        return_path text not null,
        status text not null check (status in ('started', 'taken', 'confirm', 'proved')),
        user_id uuid,
        subject_index text,
        methods text[],
        identity jsonb,
        mail_hash bytea,
        attempts integer not null default 0,
        expires_at timestamptz not null
      );
      create index federated_sign_ins_over on identity.federated_sign_ins (expires_at);
      ${tenantTableSql('identity', 'federated_sign_ins')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(`drop table identity.federated_sign_ins, identity.federated_members,
      identity.federation_requests, identity.idp_links`);
  }
}
