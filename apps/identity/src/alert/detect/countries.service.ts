import { type CountryResponse, open, type Reader } from 'maxmind';

/** Countries of addresses, from a file in MaxMind's format; without a file none is known. */
export class Countries {
  readonly #file: string | undefined;
  #reader: Reader<CountryResponse> | undefined;

  constructor(file: string | undefined) {
    this.#file = file;
  }

  /** @throws Error when the file cannot be read: a wrong path must not look like a quiet world */
  async load(): Promise<void> {
    if (this.#file !== undefined) this.#reader = await open<CountryResponse>(this.#file);
  }

  /** The two letters of ISO 3166-1. */
  readonly of = (ip: string): string | undefined => {
    try {
      return this.#reader?.get(ip)?.country?.iso_code;
    } catch {
      // No address: a report can hold any text.
      return undefined;
    }
  };
}
