import type { Unfinished } from './files/unfinished.js';
import type { RuntimeLog } from './log/runtime-log.js';
import type { Patience } from './process/end-processes.js';
import type { Account } from './process/environment.js';
import type { PipeMaker } from './process/pipes.js';
import type { RecordingFolder } from './recording/recording-folder.js';

/** What the handlers of sessions work with. */
export interface RuntimeHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly account: Account;
  readonly shell: string;
  /** Of the runtime's own: host key of ssh, recordings. */
  readonly folder: string;
  /** In the marks of programs: whose they are. */
  readonly tag: string;
  readonly pipes: PipeMaker;
  readonly recordings: RecordingFolder;
  /** Uploads that are not done. */
  readonly unfinished: Unfinished;
  readonly log: RuntimeLog;
  /** How long programs get to end when their session is over. */
  readonly patience?: Patience;
}
