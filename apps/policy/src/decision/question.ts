import type { Actor, Noted } from '@gatehouse/contracts';
import type { Attributes, Request } from '@gatehouse/evaluator';
import { StoreUnavailable } from '@gatehouse/event-store';

/** One question. */
export interface Question {
  readonly tenantId: string;
  readonly subject: Request['subject'];
  readonly action: string;
  readonly actionProperties?: Attributes | undefined;
  readonly resource: Request['resource'];
  readonly context?: Attributes | undefined;
  /** Action patterns the credential is limited to; absent: no limit. */
  readonly scopes?: readonly string[] | undefined;
  /** Id of the credential that the subject came with, if it is known. */
  readonly credential?: string | undefined;
  /** Recorded beside what decided; only our own services say it. */
  readonly noted?: Noted | undefined;
  /** What was allowed before, and counted then: no rate limit is consumed. Only our own services say it. */
  readonly again?: boolean | undefined;
}

/** Who asks, for what. */
export interface Asked {
  readonly caller: Actor;
  /** Trace id of the call. */
  readonly correlationId: string;
  readonly ip?: string;
  /** Id of the credential that asks. */
  readonly credential?: string;
  /**
   * True for a tenant's own enforcement points, who may be told "yes" where the policy says no while the tenant only audits.
   * Nobody else may: the answer would be a right.
   */
  readonly auditable?: boolean;
}

/** Facts are not loaded yet: nothing can be decided. */
export class FactsNotLoaded extends StoreUnavailable {
  override readonly name = 'FactsNotLoaded';
}

/** The tenant is the credential's, whatever the request says. */
export const toQuestion = ({ subject, action, resource, context }: Request, tenantId: string): Question => ({
  tenantId,
  subject,
  action: action.name,
  actionProperties: action.properties,
  resource,
  context,
});

/** What `context.as_of` asks for: a position or a time as text; undefined where nothing is asked. */
export function asOfOf(context: Attributes | undefined): unknown {
  return context !== undefined && Object.hasOwn(context, 'as_of') ? context.as_of : undefined;
}
