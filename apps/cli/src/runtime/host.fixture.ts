import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TempDir, tempDir } from '@gatehouse/testing';
import { tagOf } from './data-folder.js';
import { Unfinished } from './files/unfinished.js';
import type { RuntimeHost } from './host.js';
import { RuntimeLog } from './log/runtime-log.js';
import { ownAccount } from './process/login-shell.js';
import { PipeMaker } from './process/pipes.js';
import { RecordingFolder } from './recording/recording-folder.js';

/** A host whose home is a folder of its own, and whose environment holds what no program may see. */
export function testHost(): {
  readonly host: RuntimeHost;
  readonly root: TempDir;
  readonly said: string[];
  end(): void;
} {
  const root = tempDir('runtime');
  const said: string[] = [];
  const home = join(root.path, 'home');
  mkdirSync(home);
  const pipes = new PipeMaker();
  const host: RuntimeHost = {
    env: {
      PATH: process.env.PATH,
      GATEHOUSE_API_KEY: 'm87_key',
      M87_API_KEY: 'm87_key',
      NODE_OPTIONS: '--x',
      OTHER: 'x',
    },
    account: { ...ownAccount(), home },
    shell: '/bin/bash',
    folder: root.path,
    tag: tagOf(root.path),
    pipes,
    recordings: new RecordingFolder(join(root.path, 'recordings')),
    unfinished: new Unfinished(join(root.path, 'uploads')),
    log: new RuntimeLog(join(root.path, 'runtime.log'), (text) => said.push(text)),
    patience: { hangupMs: 150, terminateMs: 150, killMs: 5_000 },
  };
  return {
    ...{ host, root, said },
    end: () => {
      pipes.close();
      root.remove();
    },
  };
}
