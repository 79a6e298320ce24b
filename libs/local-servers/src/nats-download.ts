import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { LocalServerError } from './local-server-error.js';
import { installNats, inWorkFolder, type NatsBinary } from './nats-binary.js';
import { type NatsRelease, PINNED_NATS, releasePlatform } from './nats-release.js';
import { fileFromTar } from './tar-file.js';

const TIMEOUT_MS = 300_000;
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_UNPACKED_BYTES = 256 * 1024 * 1024;

/**
 * Downloads a pinned release, compares the archive's SHA-256 before anything is unpacked, and installs its program at `target`.
 *
 * Throws LocalServerError: `no-binary` (no sum pinned for this platform), `download-failed` (unreachable, an HTTP error, cut short,
 * too large), `checksum-mismatch`.
 */
export async function natsFromRelease(
  target: string,
  onProgress: (message: string) => void,
  release: NatsRelease = PINNED_NATS,
): Promise<NatsBinary> {
  const platform = releasePlatform();
  const expected = release.sha256[platform];
  if (expected === undefined) {
    throw new LocalServerError('no-binary', `no nats-server download is pinned for ${platform}`);
  }
  const name = `nats-server-v${release.version}-${platform}`;
  const url = `${release.baseUrl}/v${release.version}/${name}.tar.gz`;
  onProgress(`downloading nats-server ${release.version} from ${new URL(url).host}`);
  const archive = await download(url);
  const found = createHash('sha256').update(archive).digest('hex');
  if (found !== expected) {
    throw new LocalServerError(
      'checksum-mismatch',
      `the download of ${basename(url)} has SHA-256 ${found}, expected ${expected}: it was damaged or replaced, and is not used`,
    );
  }
  const tar = await promisify(gunzip)(archive, { maxOutputLength: MOST_UNPACKED_BYTES });
  return inWorkFolder(target, (folder) => {
    const program = join(folder, 'nats-server');
    writeFileSync(program, fileFromTar(tar, `${name}/nats-server`), { mode: 0o755 });
    return installNats(program, target);
  });
}

async function download(url: string): Promise<Buffer> {
  try {
    const response = await fetch(url, { redirect: 'follow', signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok || response.body === null) throw new Error(`HTTP ${response.status}`);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body) {
      size += chunk.byteLength;
      if (size > MOST_BYTES) throw new Error(`more than ${MOST_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    const cause = error instanceof Error ? (error.cause instanceof Error ? error.cause : error) : undefined;
    throw new LocalServerError('download-failed', `${url} could not be fetched: ${cause?.message ?? error}`, {
      cause: error,
    });
  }
}
