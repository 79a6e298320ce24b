import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type SupervisedChild, superviseChild } from '@gatehouse/testing';
import type { Forgery } from './foreign-op/forge.js';

const program = fileURLToPath(new URL('./foreign-op/main.js', import.meta.url));

export const clientId = 'gatehouse';
export const clientSecret = 'a-secret-between-two-servers';

export interface OpControl {
  readonly person?: { readonly sub: string; readonly [claim: string]: unknown };
  readonly forgery?: Forgery;
  readonly jwks?: 'fine' | 'down' | 'slow' | 'huge';
  readonly discovery?: 'fine' | 'other_issuer' | 'redirect' | 'private_keys_uri';
}

/** Somebody else's OpenID provider, as a process of its own. */
export interface ForeignOp {
  readonly issuer: string;
  readonly child: SupervisedChild;
  control(changes: OpControl): Promise<void>;
  allowRedirect(uri: string): Promise<void>;
  /** New keys, and the old ones gone. */
  rotate(): Promise<void>;
  /** How often each of its endpoints was asked. */
  counts(): Promise<Readonly<Record<string, number>>>;
  /** An API token of this issuer. */
  token(claims: Record<string, unknown>, forgery?: Forgery): Promise<string>;
  stop(): Promise<void>;
}

export async function startForeignOp(): Promise<ForeignOp> {
  const child = await superviseChild({
    name: 'foreign-op',
    command: process.execPath,
    args: ['--no-warnings', program],
    env: { PATH: process.env.PATH },
    output: 'pipe',
  });
  const issuer = await firstIssuer(child);
  const post = async (path: string, body: object = {}) => {
    const response = await fetch(`${issuer}${path}`, { method: 'POST', body: JSON.stringify(body) });
    return (await response.json()) as { answer: { token: string }; counts: Record<string, number> };
  };
  return {
    issuer,
    child,
    control: async (changes) => void (await post('/control', changes)),
    allowRedirect: async (uri) => void (await post('/control/redirect-uri', { uri })),
    rotate: async () => void (await post('/control/rotate')),
    counts: async () => (await post('/control/counts')).counts,
    token: async (claims, forgery) => (await post('/control/token', { claims, forgery })).answer.token,
    stop: async () => void (await child.stop()),
  };
}

function firstIssuer({ stdout, stderr, exited }: SupervisedChild): Promise<string> {
  return new Promise((resolve, reject) => {
    let complaint = '';
    stderr?.on('data', (chunk) => {
      complaint += String(chunk);
    });
    void exited.then(() => reject(new Error(`the provider ended: ${complaint}`)));
    if (!stdout) return;
    createInterface({ input: stdout }).on('line', (line) => {
      if (line.startsWith('{"issuer"')) resolve((JSON.parse(line) as { issuer: string }).issuer);
    });
  });
}
