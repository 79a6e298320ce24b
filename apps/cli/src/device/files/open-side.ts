import { resolve } from 'node:path';
import type { GrantScope } from '@gatehouse/session';
import type { Tools } from '../../command.js';
import { FileChannel } from './file-channel.js';
import type { FilePlace } from './file-path.js';
import type { FileSide } from './file-side.js';
import { LocalSide } from './local-side.js';
import { RemoteSide } from './remote-side.js';

export interface OpenedPlace {
  readonly side: FileSide;
  readonly path: string;
}

/** The grant is for this path and what is below it, and for writing only where something is written. */
export async function openPlace(tools: Tools, place: FilePlace, use: 'read' | 'write'): Promise<OpenedPlace> {
  if (place.kind === 'local') return { side: new LocalSide(), path: resolve(tools.world.cwd, place.path) };
  const scope: GrantScope = { kind: 'files', paths: [place.path], write: use === 'write' };
  const stream = await tools.dial(place.device)(scope, { kind: 'files' });
  return { side: new RemoteSide(place.device, await FileChannel.open(stream)), path: place.path };
}
