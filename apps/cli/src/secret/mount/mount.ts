import { resolve } from 'node:path';
import { defaultSecretsDirectory } from '@gatehouse/sdk';
import { defineCommand, type Tools } from '../../command.js';
import { exitCodes, Failure, usageFailure } from '../../failure.js';
import { parseDuration } from '../../output/time.js';
import { untilSignal } from '../../process-signals.js';
import { namesInScope, type OpenedSecret, readSecrets, scopeOption } from '../read-secrets.js';
import { Consumer, parseConsumer } from './consumer.js';
import { followSecrets } from './follow-secrets.js';
import { MountDirectory } from './mount-directory.js';
import { type OnChange, parseOnChange } from './on-change.js';

const shortestIntervalMs = 1_000;

export const mountSecrets = defineCommand({
  command: 'mount <names..>',
  describe: 'Keep secrets as files NAME.secret in a directory; a new version replaces the file',
  options: (parser) =>
    parser
      .positional('names', { type: 'string', array: true, demandOption: true, describe: 'Names in the scope' })
      .option('dir', { type: 'string', requiresArg: true, default: defaultSecretsDirectory, describe: 'Where to' })
      .options(scopeOption)
      .option('interval', { type: 'string', requiresArg: true, default: '10s', describe: 'Between two looks: 10s, 1m' })
      .option('on-change', {
        type: 'string',
        requiresArg: true,
        describe: 'signal:HUP:PID, signal:HUP:/pid/file, or a command (GATEHOUSE_SECRET_NAME says which secret)',
      })
      .option('consumer', {
        type: 'string',
        requiresArg: true,
        describe: 'application/ID: be known to the vault as this, and be told of new versions at once',
      })
      .option('once', { type: 'boolean', default: false, describe: 'Write the files and end' })
      .option('require-tmpfs', { type: 'boolean', default: false, describe: 'Refuse a directory that is on a disk' })
      .option('remove-on-exit', { type: 'boolean', default: false, describe: 'Remove the files at the end' })
      .example('$0 secrets mount --scope production DATABASE_URL --on-change signal:HUP:/run/app.pid', ''),
  run: async ({ names, dir, scope, interval, once, consumer: as, ...flags }, tools) => {
    const secrets = namesInScope(names.map(String), scope);
    const intervalMs = intervalOf(interval);
    const onChange = flags['on-change'] === undefined ? undefined : parseOnChange(flags['on-change']);
    const directory = openDirectory(resolve(tools.world.cwd, dir), flags['require-tmpfs'], tools);
    const client = tools.client();
    const consumer = as === undefined ? undefined : new Consumer(client, parseConsumer(as), scope);
    await consumer?.register(secrets);
    const opened = await readSecrets(client, secrets);
    directory.putAll(opened);
    tell(tools, directory, opened);
    await report(consumer, opened, tools);
    if (once) return;
    const { signal, end } = untilSignal();
    try {
      await followSecrets(opened, {
        ...{ client, consumer, intervalMs },
        replace: async (secret) => {
          await replace(secret, directory, onChange, tools);
          await report(consumer, [secret], tools);
        },
        note: (text) => tools.output.note(text),
        stopped: signal,
      });
    } finally {
      end();
      if (flags['remove-on-exit']) directory.remove(names.map(String));
    }
  },
});

/** The files are in place whatever comes of this. */
async function report(
  consumer: Consumer | undefined,
  opened: readonly OpenedSecret[],
  { output }: Tools,
): Promise<void> {
  await consumer
    ?.reportMounted(opened)
    .catch((error: Error) => output.note(`not reported as mounted: ${error.message}`));
}

function intervalOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < shortestIntervalMs)
    throw usageFailure(`--interval "${text}" is no duration of a second or more, such as 10s or 1m`);
  return ms;
}

function openDirectory(path: string, requireInMemory: boolean, { output }: Tools): MountDirectory {
  const directory = MountDirectory.open(path);
  if (directory.isInMemory) return directory;
  if (requireInMemory)
    throw new Failure(exitCodes.usage, `${path} is not on tmpfs`, 'Mount one there, or leave --require-tmpfs out');
  output.note(`warning: ${path} is not on tmpfs: the secrets may reach a disk`);
  return directory;
}

function tell({ output }: Tools, directory: MountDirectory, opened: readonly OpenedSecret[]): void {
  const files = opened.map(({ name, path, version }) => ({ path, version, file: `${directory.path}/${name}.secret` }));
  if (output.isJson) output.json({ directory: directory.path, inMemory: directory.isInMemory, secrets: files });
  else for (const { path, version, file } of files) output.line(`${file} is version ${version} of ${path}`);
}

async function replace(
  secret: OpenedSecret,
  directory: MountDirectory,
  onChange: OnChange | undefined,
  { output }: Tools,
): Promise<void> {
  directory.put(secret);
  output.note(`${secret.path}: version ${secret.version} is in place`);
  // The file is right whatever comes of this: no reason to read the secret again.
  await onChange?.(secret.name).catch((error: Error) =>
    output.note(`${secret.path}: --on-change failed: ${error.message}`),
  );
}
