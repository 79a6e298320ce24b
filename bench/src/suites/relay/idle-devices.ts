import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dialRelay, type Hello, helloText, RelayRefused } from '@gatehouse/session';
import { Backoff } from '@gatehouse/transport';

interface IdleTask {
  readonly relay: string;
  readonly ca: string;
  readonly devices: readonly { readonly deviceId: string; readonly identity: string }[];
}

// Many idle devices in one process: each keeps a tunnel, and comes back when it is lost. The task is a file's name.
const task = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as IdleTask;
const trust = { ca: readFileSync(task.ca, 'utf8') };
let online = 0;
let refused = 0;

async function keep({ deviceId, identity }: IdleTask['devices'][number]): Promise<never> {
  const key = createPrivateKey(identity);
  const hello = (nonce: string, fingerprint: string): Hello => ({
    type: 'hello',
    role: 'device',
    version: 1,
    agent: 'bench',
    deviceId,
    signature: sign(null, Buffer.from(helloText('device', deviceId, nonce, fingerprint)), key).toString('base64url'),
  });
  const backoff = new Backoff({ mostMs: 60_000 });
  for (;;) {
    let waitMs = 0;
    try {
      await new Promise<void>((resolve, reject) => {
        const options = { address: task.relay, trust, carriers: ['tls'] as const, hello, timeoutMs: 30_000 };
        const line = dialRelay({
          ...options,
          onStream: () => undefined,
          onMessage: () => undefined,
          onGoAway: () => undefined,
          onClose: () => {
            online--;
            resolve();
          },
        });
        line.then(() => {
          online++;
          backoff.reset();
        }, reject);
      });
    } catch (error) {
      refused++;
      if (error instanceof RelayRefused) waitMs = error.retryAfterMs;
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(waitMs, backoff.next())));
  }
}

for (const device of task.devices) void keep(device);
setInterval(() => process.stdout.write(`online ${online} refused ${refused}\n`), 100);
