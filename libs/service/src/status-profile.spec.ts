import { type AuthenticationFailure, NotAuthenticated } from '@gatehouse/authn';
import { RpcError } from '@gatehouse/bus';
import { EventTooLarge, RevisionConflict, StoreOverloaded, StoreUnavailable } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { mapDomainError } from './domain-errors.js';
import { statusProfiles, toProblem } from './status-profile.js';

describe('status profiles', () => {
  const table: [AuthenticationFailure, number, number][] = [
    ['missing', 401, 403],
    ['scheme', 401, 403],
    ['malformed', 401, 403],
    ['unknown', 401, 401],
    ['disabled', 401, 401],
    ['expired', 401, 401],
    ['rotated', 401, 401],
    ['network', 401, 401],
    ['ended', 401, 401],
    ['tenant_ambiguous', 400, 400],
    ['tenant_unknown', 404, 404],
    ['not_member', 403, 403],
    ['second_factor', 403, 403],
    ['out_of_scope', 403, 403],
    ['not_ready', 503, 503],
  ];

  it.each(table)('%s answers %i, and %i in the profile of Marie', (failure, byDefault, marie) => {
    expect(toProblem(new NotAuthenticated(failure), 'default')).toMatchObject({ status: byDefault });
    expect(toProblem(new NotAuthenticated(failure), 'marie')).toMatchObject({ status: marie });
  });

  it('covers every failure there is', () => {
    expect(Object.keys(statusProfiles.default).sort()).toEqual(table.map(([failure]) => failure).sort());
    expect(Object.keys(statusProfiles.marie).sort()).toEqual(Object.keys(statusProfiles.default).sort());
  });

  it('tells nobody which of the failures it was', () => {
    const texts = ['unknown', 'disabled', 'expired', 'rotated', 'network', 'ended'].map(
      (failure) =>
        (toProblem(new NotAuthenticated(failure as AuthenticationFailure), 'default') as ProblemError).detail,
    );
    expect(new Set(texts).size).toBe(1);
  });

  it('passes other errors on', () => {
    const error = new Error('other');
    expect(toProblem(error, 'default')).toBe(error);
  });
});

describe('failures of the libraries over HTTP', () => {
  it.each([
    [new StoreUnavailable('x'), 503],
    [new StoreOverloaded(9), 503],
    [new RevisionConflict('key:1', 3), 412],
    [new EventTooLarge('key.created', 70_000), 413],
    [new RpcError('deadline', 'x'), 503],
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 503],
    [
      Object.assign(new Error('query failed'), { driverError: Object.assign(new Error('x'), { code: 'ECONNRESET' }) }),
      503,
    ],
    [Object.assign(new pg.DatabaseError('invalid byte sequence', 0, 'error'), { code: '22021' }), 400],
  ])('%s', (error, status) => {
    expect(mapDomainError(error)).toMatchObject({ status });
  });

  it('leaves a mistake of ours to be a 500', () => {
    expect(mapDomainError(new TypeError('x is not a function'))).toBeUndefined();
    expect(mapDomainError(undefined)).toBeUndefined();
  });
});
