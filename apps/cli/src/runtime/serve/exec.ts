import type { ServedSession } from '@gatehouse/session';
import type { RuntimeHost } from '../host.js';
import { serveProgram } from './serve-program.js';

/** One program as it is, or one text that the login shell reads. */
export const serveExec =
  (host: RuntimeHost) =>
  (session: ServedSession<'exec'>): void => {
    const { command, terminal, stdin, environment } = session.open;
    const argv = typeof command === 'string' ? [host.shell, '-c', command] : command;
    serveProgram(session, { argv: argv as [string, ...string[]], terminal, stdin, environment }, host);
  };
