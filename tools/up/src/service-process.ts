import { type SupervisedChild, superviseChild } from '@gatehouse/local-servers';
import { BoundedLog } from './bounded-log.js';
import { type Kept, keepRunning } from './keep-running.js';
import { LogDigest } from './log-digest.js';
import { probeReadiness } from './readiness-probe.js';
import { UpError } from './up-error.js';

export interface ServiceProcessOptions {
  name: string;
  program: string;
  env: NodeJS.ProcessEnv;
  cwd: string;
  logFile: string;
  /** Answers 200 when the service may get traffic. */
  readyUrl: string;
  /** Certificate authority of `readyUrl`. */
  ca?: string;
  note: (line: string) => void;
}

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 100;
const GRACE_MS = 15_000;
const TAIL_BYTES = 2_000;
/**
 * Room for what is young, in MiB: with Node's 16, what waits for a commit or an answer is copied at each of many collections,
 * and some of it grows old. A service that does little never takes it.
 */
const NODE_FLAGS = ['--max-semi-space-size=64'];

/** One service: started, watched, started again when it dies. */
export class ServiceProcess {
  readonly #options: ServiceProcessOptions;
  readonly #log: BoundedLog;
  readonly #digest: LogDigest;
  #child: SupervisedChild | undefined;
  #kept: Kept | undefined;
  #tail = '';

  constructor(options: ServiceProcessOptions) {
    this.#options = options;
    this.#log = new BoundedLog(options.logFile);
    this.#digest = new LogDigest(options.name, (line) => this.#kept && options.note(line));
  }

  /** Resolves when it is ready. Throws UpError, with the end of its log, when it ends before or takes too long. */
  async start(onProblem: (detail: string) => void): Promise<void> {
    const child = await this.#launch();
    await this.#waitUntilReady(child, onProblem);
    this.#kept = keepRunning({
      name: this.#options.name,
      exited: () => this.#describeExit(),
      restart: async () => void (await this.#launch()),
      note: this.#options.note,
    });
  }

  async stop(): Promise<void> {
    await this.#kept?.release();
    await this.#child?.stop();
    await this.#child?.outputEnded;
    this.#log.close();
  }

  async kill(): Promise<void> {
    void this.#kept?.release();
    await this.#child?.kill9();
  }

  async #launch(): Promise<SupervisedChild> {
    const { name, program, env, cwd } = this.#options;
    const child = await superviseChild({
      name,
      command: process.execPath,
      args: [...NODE_FLAGS, program, 'serve'],
      cwd,
      env,
      output: 'pipe',
      graceMs: GRACE_MS,
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => this.#output(chunk));
    this.#child = child;
    return child;
  }

  #output(chunk: Buffer): void {
    this.#log.write(chunk);
    this.#digest.push(chunk);
    this.#tail = (this.#tail + chunk.toString('utf8')).slice(-TAIL_BYTES);
  }

  async #describeExit(): Promise<string> {
    const exit = await this.#child?.exited;
    return exit?.signal ? `signal ${exit.signal}` : `exit code ${exit?.code}`;
  }

  async #waitUntilReady(child: SupervisedChild, onProblem: (detail: string) => void): Promise<void> {
    const { name, logFile, readyUrl, ca } = this.#options;
    let last = '';
    for (const deadline = performance.now() + READY_TIMEOUT_MS; ; ) {
      const answer = await probeReadiness(readyUrl, ca);
      if (answer === 'ready') return;
      if (answer !== last) onProblem(answer);
      last = answer;
      if (!child.running()) {
        throw new UpError(
          `${name} ended while it started (${await this.#describeExit()}); log: ${logFile}\n${this.#tail.trim()}`,
        );
      }
      if (performance.now() > deadline) {
        throw new UpError(`${name} was not ready after ${READY_TIMEOUT_MS / 1000} s (${answer}); log: ${logFile}`);
      }
      await new Promise((wake) => setTimeout(wake, POLL_MS));
    }
  }
}
