import { z } from 'zod';
import { suggestion } from '../nearest.js';
import { isWhole, list, object, text } from './parts.js';

/** The model's condition, as far as types go before it is checked. */
export interface Condition {
  readonly all?: readonly Condition[];
  readonly any?: readonly Condition[];
  readonly not?: Condition;
  readonly [path: string]: unknown;
}

const scalars = [z.null(), z.boolean(), z.number(), z.string().max(1_000)] as const;

const attributePath = text(256);
const pathOperand = object({ path: attributePath }).meta({ description: 'The value of another attribute.' });
const operand = z.union([...scalars, pathOperand]);

const operators = object({
  eq: operand.optional().meta({ description: 'Equal, of the same type.' }),
  not: operand.optional().meta({ description: 'Not equal.' }),
  in: list(operand).optional().meta({ description: 'Equal to one of these.' }),
  lt: operand.optional(),
  lte: operand.optional(),
  gt: operand.optional(),
  gte: operand.optional(),
  prefix: operand.optional().meta({ description: 'Text that begins so.' }),
  contains: operand.optional().meta({ description: 'A list that has this element.' }),
  cidr: text(64).optional().meta({ description: 'An address in this network, such as 10.0.0.0/8.' }),
  exists: z.boolean().optional().meta({ description: 'Whether the attribute is there.' }),
}).refine((test) => Object.keys(test).length > 0, { error: 'must hold an operator', when: isWhole });

const test = z.union([...scalars, pathOperand, operators]).meta({
  id: 'Test',
  description: 'What must hold of one attribute: a value it equals, or operators, all of which must hold.',
});

const combinators = ['all', 'any', 'not'];
const times = ['time.now', 'time.date', 'time.hour', 'time.weekday'];
const attribute = /^(subject|action|resource|context)(\.[^.\p{Cc}]+)+$/u;

/** Why a member of a condition is no attribute; `undefined` if it is one. */
export function attributeFault(path: string): string | undefined {
  if (path.length <= 256 && (times.includes(path) || attribute.test(path))) return undefined;
  const near = suggestion(path, [
    ...combinators,
    ...times,
    'subject.id',
    'subject.type',
    'resource.id',
    'resource.type',
    'action.name',
  ]);
  return `is neither all, any, not nor an attribute (subject., action., resource., context., time.)${near}`;
}

const conditions = list(z.lazy((): z.ZodType<Condition> => condition));

/** All members must hold. A member is `all`, `any`, `not` or the path of an attribute with its test. */
export const condition: z.ZodType<Condition> = z
  .object({
    all: conditions.optional().meta({ description: 'Every one of these.' }),
    any: conditions.optional().meta({ description: 'At least one of these.' }),
    not: z.lazy((): z.ZodType<Condition> => condition).optional(),
  })
  .catchall(test)
  .superRefine((value, context) => {
    for (const name of Object.keys(value)) {
      const message = combinators.includes(name) ? undefined : attributeFault(name);
      if (message) context.addIssue({ code: 'custom', path: [name], message });
    }
  })
  .meta({
    id: 'Condition',
    description:
      'All members must hold. A member is all, any or not, or the path of an attribute: subject., action., resource., context. and a name; time.now, time.date, time.hour, time.weekday (UTC).',
  }) as unknown as z.ZodType<Condition>;

/** A condition as it stands in a rule. */
export const when = condition.meta({ description: 'The rule applies only if this holds (semantics.md, 6).' });
