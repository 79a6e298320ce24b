import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { leaseIdOf, leaseIdPattern, usernameOf, usernamePrefix } from './lease-name.js';
import { type Marker, markerInput, readMarker, writeMarker } from './marker.js';

const codeUnder = (key: string) => async (input: string) => createHmac('sha256', key).update(input).digest();
const ours = codeUnder('ours');
const leaseId = leaseIdOf(Buffer.alloc(16, 7));
const username = usernameOf('acme', 'app', leaseId);
const marker: Marker = { leaseId, database: 'main', role: 'app', maxUntil: 1_790_000_000_000, holder: 'h' };
const comment = async () => writeMarker(username, marker, await ours(markerInput(username, marker)));

describe('the marker of a role', () => {
  it('is read back as it was written', async () => {
    expect(await readMarker(username, await comment(), ours)).toEqual(marker);
    const { holder: _holder, ...bare } = marker;
    const text = writeMarker(username, bare, await ours(markerInput(username, bare)));
    expect(await readMarker(username, text, ours)).toEqual({ ...bare, holder: undefined });
  });

  it('counts for its own role and its own vault only', async () => {
    const text = await comment();
    expect(await readMarker('gh_other', text, ours)).toBeUndefined();
    expect(await readMarker(username, text, codeUnder('another vault'))).toBeUndefined();
    expect(await readMarker(username, text.replace('"app"', '"root"'), ours)).toBeUndefined();
    for (const wrong of [null, '', 'a role', '[]', '{"gatehouse":"lease/1"}', `${text} `.repeat(50)])
      expect(await readMarker(username, wrong, ours)).toBeUndefined();
  });

  it('is refused with any one character changed', async () => {
    const text = await comment();
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.constantFrom('a', '0', '"', 'Z'), async (at, other) => {
        fc.pre(text[at] !== other);
        expect(await readMarker(username, text.slice(0, at) + other + text.slice(at + 1), ours)).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });
});

describe('names', () => {
  it('of leases are one for each 16 bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        (a, b) => {
          expect(leaseIdOf(a)).toMatch(leaseIdPattern);
          expect(leaseIdOf(a) === leaseIdOf(b)).toBe(Buffer.compare(a, b) === 0);
        },
      ),
    );
  });

  it('of roles fit into 63 characters whole, hold no quote, and tell tenants and leases apart', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (tenantId, role) => {
        const name = usernameOf(tenantId, role, leaseId);
        expect(name).toMatch(/^gh_[0-9a-f]{8}_[a-z0-9_]{0,20}_[a-z2-7]{26}$/);
        expect(name.startsWith(usernamePrefix(tenantId))).toBe(true);
        expect(name.endsWith(leaseId)).toBe(true);
      }),
    );
  });
});
