import { describe, expect, it } from '@jest/globals';
import { createKey } from '../create-key/create-key.js';
import { enableKey } from '../enable-key/enable-key.js';
import { createCi, keyAfter, keyId, noKey } from '../key.fixture.js';
import { disableKey } from './disable-key.js';

const created = createKey(createCi, noKey);
const enabled = keyAfter(...created);
const disabling = disableKey({ reason: 'leaked' }, enabled);
const disabled = keyAfter(...created, ...disabling);

describe('disable a key', () => {
  it('records the reason', () => {
    expect(disabling).toEqual([{ type: 'key.disabled', version: 1, data: { keyId, reason: 'leaked' } }]);
    expect(disabled).toEqual({ ...enabled, status: 'disabled', reason: 'leaked' });
  });

  it('needs no reason', () => {
    expect(disableKey({}, enabled)[0]?.data).toEqual({ keyId });
  });

  it('changes nothing the second time, and keeps the first reason', () => {
    expect(disableKey({ reason: 'another' }, disabled)).toEqual([]);
  });

  it('refuses a key that does not exist', () => {
    expect(() => disableKey({}, noKey)).toThrow(expect.objectContaining({ code: 'not_found' }));
  });
});

describe('enable a key', () => {
  it('gives back what the key was before, without the reason', () => {
    const enabling = enableKey(disabled);
    expect(enabling).toEqual([{ type: 'key.enabled', version: 1, data: { keyId } }]);
    expect(keyAfter(...created, ...disabling, ...enabling)).toEqual(enabled);
  });

  it('changes nothing for an enabled key', () => {
    expect(enableKey(enabled)).toEqual([]);
  });

  it('refuses a key that does not exist', () => {
    expect(() => enableKey(noKey)).toThrow(expect.objectContaining({ code: 'not_found' }));
  });
});
