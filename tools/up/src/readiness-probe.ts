import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

const TIMEOUT_MS = 5_000;
const MOST_CHARS = 16 * 1024;

/**
 * Asks a service's `/readyz`: `ready` for 200, else what it is waiting for, from the report's `checks`.
 *
 * @example await probeReadiness('http://127.0.0.1:7101/readyz') // 'facts: facts are being loaded'
 */
export function probeReadiness(url: string, ca?: string): Promise<string> {
  return new Promise((done) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const options = { timeout: TIMEOUT_MS, agent: false, ...(ca === undefined ? {} : { ca }) } as const;
    const request = send(url, options, (response) => {
      readText(response).then(
        (text) => done(response.statusCode === 200 ? 'ready' : problemIn(text, response)),
        () => done('no answer'),
      );
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => done('not listening yet'));
    request.end();
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text = (text + chunk).slice(0, MOST_CHARS);
  return text;
}

function problemIn(text: string, { statusCode }: IncomingMessage): string {
  const problems = Object.entries(checksIn(text)).filter(([, result]) => result !== 'ok');
  if (problems.length === 0) return `it answers ${statusCode}`;
  return problems.map(([name, result]) => `${name}: ${String(result)}`).join('; ');
}

function checksIn(text: string): object {
  try {
    return (JSON.parse(text) as { checks?: object }).checks ?? {};
  } catch {
    return {};
  }
}
