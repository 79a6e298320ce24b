/**
 * Text or bytes that do not follow their format: a checkpoint, note, key, proof file, tile or entry bundle.
 * The message says which rule was broken and never repeats the input.
 */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}
