import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '@gatehouse/local-servers';
import { type AccessModel, resourceType } from './policy-model/access-model.js';

export interface Cerbos {
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Their form of the model: one resource policy, a rule for what a role may everywhere and one for its own department. */
const policyOf = ({ roles }: AccessModel) => ({
  apiVersion: 'api.cerbos.dev/v1',
  resourcePolicy: {
    version: 'default',
    resource: resourceType,
    rules: roles.flatMap(({ name, everywhere, ownDepartment }) => [
      { actions: everywhere, effect: 'EFFECT_ALLOW', roles: [name] },
      {
        actions: ownDepartment,
        effect: 'EFFECT_ALLOW',
        roles: [name],
        condition: { match: { expr: 'R.attr.department == P.attr.department' } },
      },
    ]),
  },
});

function binary(): string {
  const name = `cerbos-${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve(`@cerbos/${name}/package.json`)), name);
}

/** The Cerbos server on free ports, its decision log to a file or off. */
export async function startCerbos(model: AccessModel, audit: boolean): Promise<Cerbos> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-cerbos-'));
  mkdirSync(join(folder, 'policies'));
  writeFileSync(join(folder, 'policies/document.json'), JSON.stringify(policyOf(model)));
  const [http, grpc] = [await freePort(), await freePort()];
  const config = {
    server: { httpListenAddr: `127.0.0.1:${http}`, grpcListenAddr: `127.0.0.1:${grpc}` },
    storage: { driver: 'disk', disk: { directory: join(folder, 'policies'), watchForChanges: false } },
    telemetry: { disabled: true },
    audit: {
      ...{ enabled: audit, backend: 'file', accessLogsEnabled: false, decisionLogsEnabled: true },
      file: { path: join(folder, 'decisions.log') },
    },
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify(config));
  const child = spawn(binary(), ['server', '--config', join(folder, 'config.yaml'), '--log-level=error'], {
    // It complains of each request that a load leaves behind at its end.
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${http}`;
  await answering(`${url}/_cerbos/health`, child);
  return {
    url,
    process: child,
    stop: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`cerbos ended with ${child.exitCode}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await wait(100);
  }
  throw new Error('cerbos does not answer');
}
