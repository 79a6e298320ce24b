const BLOCK = 512;

/**
 * The bytes of one regular file in a tar archive. Only what a release archive needs: ustar headers, names under 256 characters.
 * Throws when the archive ends before the file does, or does not hold it.
 *
 * @example fileFromTar(tar, 'nats-server-v2.14.1-linux-amd64/nats-server')
 * @see POSIX.1-2017, pax, ustar interchange format: name 0-99, size (octal) 124-135, typeflag 156, prefix 345-499
 */
export function fileFromTar(tar: Buffer, wanted: string): Buffer {
  for (let offset = 0; offset + BLOCK <= tar.length; ) {
    const header = tar.subarray(offset, offset + BLOCK);
    const name = text(header, 0, 100);
    if (name === '') break;
    const size = Number.parseInt(text(header, 124, 12), 8);
    if (!Number.isSafeInteger(size) || size < 0) throw new Error('the archive has a damaged header');
    const prefix = text(header, 345, 155);
    const isFile = header[156] === 0x30 || header[156] === 0;
    const start = offset + BLOCK;
    if (isFile && (prefix === '' ? name : `${prefix}/${name}`) === wanted) {
      if (start + size > tar.length) throw new Error('the archive is cut short');
      return tar.subarray(start, start + size);
    }
    offset = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  throw new Error(`the archive does not hold ${wanted}`);
}

function text(header: Buffer, start: number, length: number): string {
  const field = header.toString('utf8', start, start + length);
  const end = field.indexOf('\0');
  return (end === -1 ? field : field.slice(0, end)).trim();
}
