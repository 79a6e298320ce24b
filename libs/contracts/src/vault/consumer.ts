import { z } from 'zod';

/** Who uses secrets: an application, a configuration, a device. `id` as it may be recorded. */
const consumerOf = {
  kind: z.enum(['application', 'configuration', 'device']),
  id: z.string(),
  /** Environment, or environment/project; empty for the top. As it may be recorded. */
  scope: z.string(),
};

const secretOf = {
  /** Stream of the secret, which need not be there yet. */
  secret: z.string(),
};

/** The secrets a consumer references, all of them: those of an earlier event that are not named any more are not used. */
export const consumerRegistered = z.object({
  ...consumerOf,
  references: z.array(z.object({ ...secretOf, path: z.string() })),
});
export type ConsumerRegistered = z.infer<typeof consumerRegistered>;

/** These versions are where the consumer reads them. */
export const consumerMounted = z.object({
  ...consumerOf,
  secrets: z.array(z.object({ ...secretOf, version: z.int().min(1) })),
});
export type ConsumerMounted = z.infer<typeof consumerMounted>;

export const consumerForgotten = z.object({ ...consumerOf });
export type ConsumerForgotten = z.infer<typeof consumerForgotten>;

export const consumerEvents = {
  'consumer.registered': consumerRegistered,
  'consumer.mounted': consumerMounted,
  'consumer.forgotten': consumerForgotten,
} as const;
