import { z } from 'zod';

/** Asked by a consumer that found a gap: publish again everything after `to`. Every service serves it. */
export const rewind = (service: string) =>
  ({
    service,
    method: 'rewind',
    request: z.object({ to: z.string().max(48) }),
    response: z.object({ rewound: z.boolean() }),
  }) as const;
