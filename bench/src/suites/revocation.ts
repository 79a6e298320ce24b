import { quantile, type Row, ratioOf } from '../report.js';
import type { Stack } from '../stack.js';

const targetMs = 500;

/** How long after the answer to "disable" a key still opens policy and audit, asked without pause. */
export async function revocation(stack: Stack, trials: number): Promise<readonly Row[]> {
  const { identity, policy, audit } = stack.services;
  const call = (base: string | undefined, path: string, key: string, body?: object) =>
    fetch(`${base}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  // An empty question is refused for itself (400) by a known key, and for the key (401) by an unknown one.
  const probes = {
    policy: (key: string) => call(policy, '/access/v1/evaluation', key, {}).then((answer) => answer.status),
    audit: (key: string) => call(audit, '/api/v1/audit/entries?limit=1', key).then((answer) => answer.status),
  };
  const until = async (probe: (key: string) => Promise<number>, key: string, known: boolean) => {
    const startedAt = performance.now();
    while (((await probe(key)) !== 401) !== known)
      if (performance.now() - startedAt > 30_000) throw new Error(`a key is ${known ? 'unknown' : 'known'} for 30 s`);
    return performance.now() - startedAt;
  };
  const known = (key: string) => call(identity, '/api/v1/identity/me', key).then((answer) => answer.status);
  await until(known, stack.key, true);
  const bounds = { policy: [] as number[], audit: [] as number[] };
  for (let round = 0; round < trials; round++) {
    const name = `revoked-${Date.now()}-${round}`;
    const answer = await call(identity, '/api/v1/identity/keys', stack.key, { name, roles: ['developer'] });
    if (answer.status !== 201) throw new Error(`a key could not be made: ${answer.status} ${await answer.text()}`);
    const made = (await answer.json()) as { key: string; keyId: string };
    await Promise.all(Object.values(probes).map((probe) => until(probe, made.key, true)));
    await call(identity, `/api/v1/identity/keys/${made.keyId}/disable`, stack.key, {});
    const [policyMs, auditMs] = await Promise.all([
      until(probes.policy, made.key, false),
      until(probes.audit, made.key, false),
    ]);
    bounds.policy.push(policyMs);
    bounds.audit.push(auditMs);
  }
  return Object.entries(bounds).map(([service, ms]) => ({
    name: `a disabled key is refused by ${service} after, p50 / p99 / worst of ${trials}`,
    value: `${[0.5, 0.99, 1].map((part) => quantile(ms, part).toFixed(1)).join(' / ')} ms`,
    ratio: ratioOf(quantile(ms, 0.99), targetMs),
    against: `${targetMs} ms, p99`,
  }));
}
