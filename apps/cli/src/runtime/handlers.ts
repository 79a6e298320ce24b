import type { SessionHandlers } from '@gatehouse/session';
import { serveFiles } from './files/serve-files.js';
import { serveForward } from './forward/serve-forward.js';
import type { RuntimeHost } from './host.js';
import { serveLogs } from './observe/logs.js';
import { MetricsProducer, serveMetrics } from './observe/metrics.js';
import { serveRecording } from './recording/serve-recording.js';
import { serveExec } from './serve/exec.js';
import { serveShell } from './serve/shell.js';
import { serveSsh } from './ssh/serve-ssh.js';

/** What is done for each kind of session. */
export const sessionHandlers = (host: RuntimeHost): SessionHandlers => ({
  shell: serveShell(host),
  exec: serveExec(host),
  files: serveFiles(host),
  forward: serveForward,
  logs: serveLogs(host),
  metrics: serveMetrics(new MetricsProducer()),
  ssh: serveSsh(host),
  recording: serveRecording(host),
});
