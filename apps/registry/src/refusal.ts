import { defineProblems, ProblemError } from '@gatehouse/http';

defineProblems({
  registration_rejected: { status: 403, title: 'This device was rejected' },
  registration_decided: { status: 409, title: 'This registration has been decided already' },
  registration_expired: { status: 409, title: 'This registration has waited too long: the device has to ask again' },
  fingerprint_differs: { status: 409, title: 'The device has another fingerprint than the one that was compared' },
  proof_invalid: { status: 401, title: 'The signature is not one of the device over this request' },
  proof_stale: { status: 401, title: 'The signature is too old, or the clock of the device is wrong' },
  name_taken: { status: 409, title: 'Another device has this name' },
  name_ambiguous: { status: 409, title: 'More than one device is called so' },
});

/** What commands on a device refuse: codes of the table above and of the general one. */
export type RefusalCode =
  | 'registration_rejected'
  | 'registration_decided'
  | 'registration_expired'
  | 'fingerprint_differs'
  | 'name_taken'
  | 'not_found'
  | 'conflict';

/** An expected "no" of a decide function. */
export class Refusal extends Error {
  constructor(
    readonly code: RefusalCode,
    detail?: string,
  ) {
    super(detail ?? `refused: ${code}`);
    this.name = 'Refusal';
  }
}

/** Turns the refusals of `work` into problems. */
export async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Refusal ? new ProblemError(error.code, detailOf(error)) : error;
  }
}

const detailOf = ({ message, code }: Refusal): string | undefined =>
  message === `refused: ${code}` ? undefined : message;
