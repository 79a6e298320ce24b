/** What is stored is not what was signed or appended. Nothing may be appended or signed until somebody has looked. */
export class LedgerDamaged extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LedgerDamaged';
  }
}
