import { safeParse } from '@gatehouse/schema';
import type { z } from 'zod';

/** What can be told of one field without any environment. */
export interface FieldFacts {
  readonly required: boolean;
  readonly defaultValue: unknown;
  readonly secret: boolean;
  readonly meaning: string;
  readonly accepts: string;
}

/** Reads a field's facts; metadata may sit below `.default()` and `.optional()`, so the wrappers are looked through. */
export function fieldFacts(field: z.ZodType): FieldFacts {
  const whenAbsent = safeParse(field, undefined);
  const facts = { meaning: '', accepts: '', secret: false };
  for (let inner: z.ZodType | undefined = field; inner !== undefined; inner = innerType(inner)) {
    const meta = inner.meta();
    facts.meaning ||= meta?.description ?? '';
    facts.accepts ||= typeof meta?.accepts === 'string' ? meta.accepts : '';
    facts.secret ||= meta?.secret === true;
  }
  return { ...facts, required: !whenAbsent.success, defaultValue: whenAbsent.data };
}

function innerType(field: z.ZodType): z.ZodType | undefined {
  const definition = field.def as { innerType?: z.ZodType };
  return definition.innerType;
}
