import { type FileRequest, fileRequest, frameTypes, type ServedSession } from '@gatehouse/session';
import type { RuntimeHost } from '../host.js';
import { type Frame, IncomingFrames } from '../stream/incoming-frames.js';
import { OutgoingFrames } from '../stream/outgoing-frames.js';
import { mkdir, remove, rename, setattr, symlink } from './change-operations.js';
import { ConfinedTree } from './confined-tree.js';
import { errorOf, FileFailure } from './file-failure.js';
import { type Answer, Lister, type Request, read, readLink, stat } from './read-operations.js';
import { Uploads } from './upload.js';

type Op = FileRequest['op'];

/** What of the grant an operation needs; who writes sees what is there, and no content. */
const needs: Readonly<Record<Op, 'read' | 'write' | 'either'>> = {
  ...{ stat: 'either', list: 'read', readlink: 'read', read: 'read' },
  ...{ write: 'write', partial: 'write', commit: 'write', mkdir: 'write', symlink: 'write' },
  ...{ rename: 'write', remove: 'write', setattr: 'write' },
};

/** Files below what was granted: one request after the other, each answered with its number. */
export const serveFiles =
  (host: RuntimeHost) =>
  (session: ServedSession<'files'>): void => {
    const out = new OutgoingFrames(session.stream);
    const frames = new IncomingFrames(session.stream);
    const stop = () => {
      out.abandon();
      frames.stop();
    };
    session.ended.addEventListener('abort', stop, { once: true });
    void serve(session, host, frames, out).catch((error: unknown) => {
      const { code, detail } = errorOf(error);
      out.fail(code, detail);
    });
  };

async function serve(
  { grant }: ServedSession<'files'>,
  { account, unfinished }: RuntimeHost,
  frames: IncomingFrames,
  out: OutgoingFrames,
): Promise<void> {
  if (grant.scope.kind !== 'files') throw new FileFailure('not_granted', 'the grant is not for files');
  const tree = await ConfinedTree.open(grant.scope.paths, account.home);
  const mayWrite = grant.scope.write && grant.actions.includes('device.files.write');
  const mayRead = grant.actions.includes('device.files.read');
  out.json(frameTypes.accepted, {});
  const incoming = frames[Symbol.asyncIterator]();
  const operations = operationsOn(tree, incoming, out, new Uploads(tree, unfinished));
  for (;;) {
    const next = await incoming.next();
    if (next.done) break;
    const request = parse(next.value);
    const { id, op } = request;
    const isAllowed = { read: mayRead, write: mayWrite, either: mayRead || mayWrite }[needs[op]];
    const answer = await (isAllowed ? (operations[op] as Operation)(request) : refuse(request, incoming)).catch(
      (error: unknown): Answer => ({ error: errorOf(error) }),
    );
    if (!out.json(frameTypes.message, { id, ...answer })) await out.room();
  }
  if (frames.ending?.kind === 'reset') out.abandon();
  else out.finish();
}

type Operation = (request: FileRequest) => Promise<Answer>;

function operationsOn(
  tree: ConfinedTree,
  frames: AsyncIterator<Frame>,
  out: OutgoingFrames,
  uploads: Uploads,
): { [O in Op]: (request: Request<O>) => Promise<Answer> } {
  const lister = new Lister(tree);
  return {
    stat: (request) => stat(tree, request),
    list: (request) => lister.list(request),
    readlink: (request) => readLink(tree, request),
    read: (request) => read(tree, request, out),
    write: (request) => uploads.write(request, frames),
    partial: (request) => uploads.partial(request),
    commit: (request) => uploads.commit(request),
    mkdir: (request) => mkdir(tree, request),
    symlink: (request) => symlink(tree, request),
    rename: (request) => rename(tree, request),
    remove: (request) => remove(tree, request),
    setattr: (request) => setattr(tree, request),
  };
}

function parse({ type, payload }: Frame): FileRequest {
  if (type !== frameTypes.message) throw new FileFailure('protocol', 'a request was expected');
  try {
    return fileRequest.parse(JSON.parse(payload.toString('utf8')));
  } catch {
    throw new FileFailure('protocol', 'that is no request about files');
  }
}

/** Of a write, the bytes come all the same. */
async function refuse(request: FileRequest, frames: AsyncIterator<Frame>): Promise<Answer> {
  if (request.op === 'write')
    for (let next = await frames.next(); !next.done && next.value.type !== frameTypes.eof; ) next = await frames.next();
  throw new FileFailure('not_granted', 'the grant does not allow that');
}
