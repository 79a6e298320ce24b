/** One element of DER (X.690): what it is, and its content. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
}

/** DER that breaks off, or is longer than it says. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/** The elements one behind the other that these bytes are. @throws DerError */
export function derElements(bytes: Buffer): DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    const short = bytes[at + 1];
    // No type of a certificate has a tag number above 30 (they would take more bytes).
    if (short === undefined || (tag & 0x1f) === 0x1f) throw new DerError('an element breaks off');
    const lengthBytes = short < 0x80 ? 0 : short - 0x80;
    if (lengthBytes > 3 || short === 0x80 || at + 2 + lengthBytes > bytes.length)
      throw new DerError('an impossible length');
    const length = lengthBytes === 0 ? short : bytes.readUIntBE(at + 2, lengthBytes);
    const from = at + 2 + lengthBytes;
    if (from + length > bytes.length) throw new DerError('an element breaks off');
    elements.push({ tag, content: bytes.subarray(from, from + length) });
    at = from + length;
  }
  return elements;
}

/** The elements within a single SEQUENCE. @throws DerError */
export function derSequence(bytes: Buffer): DerElement[] {
  const [sequence, ...more] = derElements(bytes);
  if (sequence?.tag !== 0x30 || more.length > 0) throw new DerError('not one sequence');
  return derElements(sequence.content);
}
