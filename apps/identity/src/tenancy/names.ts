import { recordedText } from '@gatehouse/telemetry';
import { z } from 'zod';

/** A name that people gave a thing: one line, shown as it is, recorded in clear. */
export const displayName = recordedText(100);

/** The id of a team, a project or an environment, chosen by whoever makes it. */
export const slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is not lower-case letters, digits and hyphens, at most 63');

export const path = '/api/v1/identity';

/** Resource of a decision on the whole tenant that the caller acts in. */
export const ownTenant = ({ principal }: { readonly principal: { readonly tenantId: string } | null }): string =>
  `tenant/${principal?.tenantId ?? ''}`;

/** Resource of a decision on what a parameter of the path names. */
export const named =
  (type: string, parameter: string) =>
  ({ input }: { readonly input: { readonly params?: unknown } | null }): string =>
    `${type}/${(input?.params as Readonly<Record<string, string>> | undefined)?.[parameter] ?? ''}`;
