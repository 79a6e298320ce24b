import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { GrantClaims, OpenMessage } from '@gatehouse/session';
import { printable } from '../output/table.js';
import type { World } from '../world.js';

/** Nobody there is a no. */
const limitMs = 60_000;

export type Approve = (grant: GrantClaims, open: OpenMessage) => Promise<boolean>;

/** What somebody wants, in one line that does nothing to a terminal. */
export function describeRequest({ subject }: GrantClaims, open: OpenMessage): string {
  const detail =
    open.kind === 'exec'
      ? `: ${typeof open.command === 'string' ? open.command : open.command.map((word) => JSON.stringify(word)).join(' ')}`
      : open.kind === 'forward'
        ? `: ${open.target}`
        : '';
  return printable(`${subject.type}/${subject.id} asks for ${open.kind}${detail}`.slice(0, 1_000));
}

/** Asks on the terminal of the runtime, one question after the other. Everything but a plain yes is a no. */
export function askTerminal({ stdin, writeError }: Pick<World, 'stdin' | 'writeError'>, waitMs = limitMs): Approve {
  const lines = createInterface({ input: stdin });
  let before: Promise<unknown> = Promise.resolve();
  const ask = (text: string): Promise<boolean> => {
    writeError(`${text}. Allow? [y/N] `);
    return new Promise((resolve) => {
      const done = (answer: string) => {
        clearTimeout(timer);
        lines.off('line', done);
        resolve(/^y(es)?$/i.test(answer.trim()));
      };
      const timer = setTimeout(() => done(''), waitMs);
      lines.once('line', done);
      lines.once('close', () => done(''));
    });
  };
  return (grant, open) => {
    const answer = before.then(() => ask(describeRequest(grant, open)));
    before = answer;
    return answer;
  };
}

/** A command decides: its end with 0 is a yes. It is told by its environment who wants what. */
export const askCommand =
  (command: string, env: World['env'], waitMs = limitMs): Approve =>
  (grant, open) =>
    new Promise((resolve) => {
      const child = spawn('/bin/sh', ['-c', command], {
        stdio: 'ignore',
        detached: true,
        env: {
          ...{ PATH: env.PATH, HOME: env.HOME },
          GATEHOUSE_SUBJECT: `${grant.subject.type}/${grant.subject.id}`,
          GATEHOUSE_KIND: open.kind,
          GATEHOUSE_REQUEST: describeRequest(grant, open),
        },
      });
      // With whatever it started: the group is its own.
      const late = setTimeout(() => child.pid && process.kill(-child.pid, 'SIGKILL'), waitMs);
      child.once('error', () => resolve(false));
      child.once('exit', (code) => {
        clearTimeout(late);
        resolve(code === 0);
      });
    });
