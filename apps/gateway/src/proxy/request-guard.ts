/** What of a request is looked at, as Node has parsed it. */
export interface GuardedRequest {
  readonly method: string;
  /** The target exactly as it was sent. */
  readonly url: string;
  readonly httpVersion: string;
  /** Names and values in turn, duplicates included. */
  readonly rawHeaders: readonly string[];
}

/** Two of one of these are two opinions on the same request: which one counts differs from server to server. */
const singletons = new Set(['host', 'content-length', 'transfer-encoding', 'content-type', 'authorization']);
const bodyless = new Set(['GET', 'HEAD']);
const plainTarget = /^\/[\x21-\x7e]*$/;

/**
 * Why a request must not be passed on: whatever the gateway and a service could read differently (RFC 9112, 11.2), a
 * path that leads elsewhere when somebody tidies it up. Node's parser has refused the rest: both lengths at once, broken
 * line ends, a missing Host.
 *
 * @returns a public text, or undefined for a plain request
 */
export function faultOf(request: GuardedRequest): string | undefined {
  return faultOfTarget(request.url) ?? faultOfHeaders(request);
}

/** Origin form only (RFC 9112, 3.2.1): a proxy of the world would take the absolute form. */
export function faultOfTarget(url: string): string | undefined {
  if (!plainTarget.test(url) || url.includes('#')) return 'The request target is not a path';
  const [path = ''] = url.split('?', 1);
  if (path.includes('\\')) return 'The path has a backslash';
  return path.includes('%') || path.includes('/.') ? faultOfSegments(path) : undefined;
}

function faultOfSegments(path: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return 'The path is not percent-encoded correctly';
  }
  if (/[\p{Cc}\\]/u.test(decoded)) return 'The path has a control character or a backslash';
  const isDotted = decoded.split('/').some((segment) => segment === '.' || segment === '..');
  return isDotted ? 'The path has a dot segment' : undefined;
}

function faultOfHeaders({ rawHeaders, method, httpVersion }: GuardedRequest): string | undefined {
  const seen = new Map<string, string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase() ?? '';
    if (!singletons.has(name)) continue;
    if (seen.has(name)) return `The header ${name} is there twice`;
    seen.set(name, rawHeaders[i + 1] ?? '');
  }
  const coding = seen.get('transfer-encoding');
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion !== '1.1')) {
    return 'The transfer coding is not chunked';
  }
  const hasBody = coding !== undefined || (seen.get('content-length') ?? '0') !== '0';
  return hasBody && bodyless.has(method) ? `A ${method} request has no body here` : undefined;
}
