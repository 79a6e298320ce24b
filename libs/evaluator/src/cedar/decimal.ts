import { type Long, longOf } from './long.js';

/** Cedar's `decimal` extension: four digits after the point, held as whole ten-thousandths. */
export class Decimal {
  readonly kind = 'decimal';

  constructor(readonly value: Long) {}

  get key(): string {
    return String(this.value);
  }
}

const pattern = /^(-?)([0-9]+)\.([0-9]{1,4})$/;

export function parseDecimal(text: string): Decimal | undefined {
  const [, sign, whole, part] = pattern.exec(text) ?? [];
  if (whole === undefined || part === undefined) return undefined;
  const digits = `${whole.replace(/^0+/, '')}${part.padEnd(4, '0')}`;
  // Longer ones are beyond 64 bits, and reading them takes time.
  if (digits.length > 20) return undefined;
  const value = longOf(sign ? -BigInt(digits) : BigInt(digits));
  return value === undefined ? undefined : new Decimal(value);
}
