import { type Authorize, type HttpRequest, type Noted, type Principal, ProblemError } from '@gatehouse/http';

/** Who asks, and by which request: what a decision and an event need to know. */
export interface Asker {
  readonly caller: Principal;
  readonly request: HttpRequest;
}

export type DeviceActionName = `device.${string}`;

const resourceOf = (deviceId: string): string => `device/${deviceId}`;

/** A recorded answer. */
export interface Decided {
  readonly allowed: boolean;
  readonly decisionId: string | undefined;
}

/** Asks policy about devices: one recorded decision a question. */
export class Permission {
  constructor(private readonly authorize: Authorize) {}

  /** @param again whether it was allowed before, and still is: rate limits do not count it */
  async ask(
    { caller, request }: Asker,
    action: DeviceActionName,
    deviceId: string,
    noted?: Noted,
    again = false,
  ): Promise<Decided> {
    const { allowed, decisionId } = await this.authorize(caller, action, resourceOf(deviceId), request, noted, again);
    return { allowed, decisionId };
  }

  /** The id of the decision that allows it. @throws ProblemError `forbidden`, which names action and decision */
  async require(asker: Asker, action: DeviceActionName, deviceId: string, noted?: Noted): Promise<string | undefined> {
    const { allowed, decisionId } = await this.ask(asker, action, deviceId, noted);
    if (!allowed) throw deniedBy(action, decisionId);
    return decisionId;
  }

  /** Whether the caller may this on whatever device there is in the tenant. */
  async holdsEverywhere(asker: Asker, action: DeviceActionName): Promise<boolean> {
    return (await this.authorize(asker.caller, action, 'tenant/devices', asker.request)).allowed;
  }
}

export const deniedBy = (action: string, decisionId: string | undefined): ProblemError =>
  new ProblemError('forbidden', `${action} was denied`, {
    members: { action, ...(decisionId !== undefined && { decision: decisionId }) },
  });
