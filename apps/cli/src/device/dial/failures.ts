import {
  type ErrorMessage,
  errorMessage,
  type FrameStream,
  type FrameType,
  frameJson,
  frameTypes,
} from '@gatehouse/session';
import type { StreamEnd } from '@gatehouse/transport';
import { type ExitCode, exitCodes, Failure } from '../../failure.js';

/** What a device answered instead of doing it. */
export class DeviceFailure extends Failure {
  constructor(
    readonly code: ErrorMessage['code'],
    detail: string,
  ) {
    super(codeOf(code), `the device says: ${detail || code}`, nextSteps[code]);
  }
}

const exitOf: Readonly<Partial<Record<string, ExitCode>>> = {
  not_found: exitCodes.negative,
  exists: exitCodes.negative,
  permission: exitCodes.negative,
  refused: exitCodes.forbidden,
  not_granted: exitCodes.forbidden,
  expired: exitCodes.forbidden,
  revoked: exitCodes.forbidden,
  removed: exitCodes.forbidden,
  unsupported: exitCodes.usage,
};
const codeOf = (code: string): ExitCode => exitOf[code] ?? exitCodes.unavailable;

const nextSteps: Readonly<Partial<Record<string, string>>> = {
  revoked: 'Somebody took the right to it away; gatehouse whoami shows whom this key speaks for',
  expired: 'The grant was not renewed in time: is Gatehouse reachable from here?',
  device_lost: 'The device did not come back in time; gatehouse DEVICE status tells when it was there',
  limit: 'Too much of it at once: try again in a moment',
};

const endTexts: Readonly<Partial<Record<string, string>>> = {
  revoked: 'the session was revoked',
  expired: 'the session is over: its grant ended',
  device_lost: 'the device is lost',
  client_lost: 'this side was away for too long',
  removed: 'the device was removed',
  limit: 'a limit was reached',
};

/** How a stream broke off, for a person. */
export const endFailure = ({ code, detail }: StreamEnd): Failure =>
  new Failure(
    codeOf(code),
    `${endTexts[code] ?? 'the session broke off'} (${detail ? `${code}: ${detail}` : code})`,
    nextSteps[code],
  );

export function errorFrame(payload: Uint8Array): DeviceFailure {
  const error = frameJson(errorMessage, payload);
  return new DeviceFailure(error?.code ?? 'protocol', error?.detail ?? 'something that is no answer');
}

export interface Conversation {
  /** The device began; nothing of the kind came before. */
  accepted?(): void;
  /** What belongs to the kind. The payload's memory is the callee's only during the call. */
  frame(type: FrameType, payload: Uint8Array): void;
  drain?(): void;
  /** Once: by the device's own end (none), an error of it, or because the stream broke off. */
  over(failure: Failure | undefined): void;
}

/** Listens to one stream. Set in the turn in which the stream was got. */
export function converse(stream: FrameStream, on: Conversation): void {
  let isOver = false;
  const over = (failure?: Failure) => {
    if (isOver) return;
    isOver = true;
    on.over(failure);
  };
  stream.onFrame = (type, payload) => {
    if (isOver) return;
    if (type === frameTypes.accepted) on.accepted?.();
    else if (type === frameTypes.error) over(errorFrame(payload));
    else on.frame(type, payload);
  };
  stream.onDrain = () => on.drain?.();
  stream.onEnd = () => over();
  stream.onReset = (end) => over(endFailure(end));
}
