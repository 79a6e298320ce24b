import type { ServedSession } from '@gatehouse/session';
import type { RuntimeHost } from '../host.js';
import { serveProgram } from './serve-program.js';

/** The login shell on a terminal. */
export const serveShell =
  (host: RuntimeHost) =>
  (session: ServedSession<'shell'>): void => {
    const { terminal, environment } = session.open;
    serveProgram(session, { argv: [host.shell, '-l'], terminal, environment, stdin: true }, host);
  };
