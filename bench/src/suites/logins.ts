import { hash, verify } from '@node-rs/argon2';
import { median } from '../load.js';
import { type Row, rate, ratioOf } from '../report.js';
import type { Stack } from '../stack.js';
import { password, registerPerson, signInPerson } from './people.js';

/** As many as the service computes at once (PASSWORD_HASHES_AT_ONCE), so that neither side waits for the other. */
const hashesAtOnce = 2;
const callers = 8;
const rounds = 3;
/** The service's own default: argon2id, m = 19 MiB, t = 2, p = 1. */
const parameters = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Sign-ins with a password, each of them two events of a ledger, beside the hash alone with the same parameters. */
export async function logins(stack: Stack, seconds: number): Promise<readonly Row[]> {
  const identity = String(stack.services.identity);
  const emails = Array.from({ length: callers }, (_, i) => `bench-${i}@bench.example`);
  for (const email of emails) await registerPerson(identity, stack.mail, email);
  const hashed = await hash(password, parameters);
  const bare: number[] = [];
  const signIns: { perSecond: number; latenciesMs: readonly number[] }[] = [];
  for (let round = 0; round < rounds; round++) {
    const alone = await repeat(hashesAtOnce, seconds, async () => void (await verify(hashed, password)));
    bare.push(alone.perSecond);
    signIns.push(
      await repeat(callers, seconds, async (caller) => void (await signInPerson(identity, emails[caller] ?? ''))),
    );
  }
  const latencies = signIns.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
  const at = (share: number) => Math.round(latencies[Math.floor(latencies.length * share)] ?? 0);
  const [limit, reached] = [median(bare), median(signIns.map(({ perSecond }) => perSecond))];
  return [
    { name: `argon2id alone, ${hashesAtOnce} at once`, value: rate(limit) },
    {
      name: `sign-in with a password, c=${callers}`,
      value: `${rate(reached)}  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms`,
      ratio: ratioOf(reached, limit),
      against: 'argon2id alone',
    },
  ];
}

/** Runs `work` in so many loops for so long. */
async function repeat(loops: number, seconds: number, work: (loop: number) => Promise<void>) {
  const startedAt = performance.now();
  const latenciesMs: number[] = [];
  const loop = async (_: unknown, index: number) => {
    while (performance.now() - startedAt < seconds * 1_000) {
      const begun = performance.now();
      await work(index);
      latenciesMs.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: loops }, loop));
  return { perSecond: latenciesMs.length / ((performance.now() - startedAt) / 1_000), latenciesMs };
}
