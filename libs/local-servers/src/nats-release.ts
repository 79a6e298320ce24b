/** One official release of nats-server, pinned by the SHA-256 of its archives. */
export interface NatsRelease {
  version: string;
  /** The archive's address is `<baseUrl>/v<version>/nats-server-v<version>-<platform>.tar.gz`. */
  baseUrl: string;
  /** By `<os>-<architecture>` as in the archive's name. */
  sha256: Readonly<Record<string, string>>;
}

/**
 * The sums are those of NATS's own image build: github.com/nats-io/nats-docker, 2.14.x/alpine3.22/Dockerfile at b30b30d2.
 * It states none for macOS; there the package manager is Homebrew.
 */
export const PINNED_NATS: NatsRelease = {
  version: '2.14.1',
  baseUrl: 'https://github.com/nats-io/nats-server/releases/download',
  sha256: {
    'linux-amd64': '4638c389af67d4c747f5b3e6a9d363bfe8f6b86de37d7c4ee3a36b283a5c2ce2',
    'linux-arm64': '0bdd20ad850e66a484dcb126f6ce610079520b56d9e8518d099e0864ab8171a1',
  },
};

/** `linux-amd64` for Node's `linux` and `x64`. */
export function releasePlatform(platform: string = process.platform, arch: string = process.arch): string {
  return `${platform}-${arch === 'x64' ? 'amd64' : arch}`;
}
