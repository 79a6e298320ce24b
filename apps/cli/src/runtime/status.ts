import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TunnelState } from '@gatehouse/session';
import { writePrivateFile } from '../settings/private-file.js';
import { isLocked } from './service/instance-lock.js';

/** What the runtime writes down of itself, for `status` and `stop`. */
export interface RuntimeStatus {
  readonly pid: number;
  readonly startedAt: string;
  readonly url: string;
  readonly owner?: string | undefined;
  readonly registration: 'pending' | 'approved';
  readonly deviceId?: string | undefined;
  readonly name?: string | undefined;
  readonly fingerprint: string;
  readonly tunnel?: TunnelState | undefined;
}

const pathIn = (folder: string): string => join(folder, 'status.json');

export const writeStatus = (folder: string, status: RuntimeStatus): void =>
  writePrivateFile(pathIn(folder), `${JSON.stringify(status)}\n`);

export const removeStatus = (folder: string): void => rmSync(pathIn(folder), { force: true });

/** Undefined when no runtime runs: what one that was killed left behind is not believed. */
export function readStatus(folder: string): RuntimeStatus | undefined {
  if (!isLocked(folder)) return undefined;
  try {
    return JSON.parse(readFileSync(pathIn(folder), 'utf8')) as RuntimeStatus;
  } catch {
    return undefined;
  }
}
