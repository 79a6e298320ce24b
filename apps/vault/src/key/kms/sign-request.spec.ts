import { describe, expect, it } from '@jest/globals';
import { signedHeaders } from './sign-request.js';

/** Of AWS's own test suite for Signature Version 4. */
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const scope = { region: 'us-east-1', service: 'service', now: Date.parse('2015-08-30T12:36:00Z') };
const url = new URL('https://example.amazonaws.com/');

describe('AWS Signature Version 4', () => {
  it.each([
    ['get-vanilla', 'GET', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['post-vanilla', 'POST', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
  ])('signs the example %s', (_name, method, signature) => {
    const headers = signedHeaders({ method, url, headers: {}, body: '' }, credentials, scope);
    expect(headers['x-amz-date']).toBe('20150830T123600Z');
    expect(headers.authorization).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ' +
        `SignedHeaders=host;x-amz-date, Signature=${signature}`,
    );
  });

  it('binds body, headers, region and session', () => {
    const sign = (change: { body?: string; header?: string; region?: string; session?: string }) =>
      signedHeaders(
        { method: 'POST', url, headers: { 'x-amz-target': change.header ?? 'a' }, body: change.body ?? '{}' },
        { ...credentials, sessionToken: change.session },
        { ...scope, region: change.region ?? 'eu-central-1' },
      ).authorization;
    const all = [{}, { body: '{ }' }, { header: 'b' }, { region: 'eu-west-1' }, { session: 's' }].map(sign);
    expect(new Set(all).size).toBe(all.length);
    expect(sign({ session: 's' })).toContain('SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target,');
  });
});
