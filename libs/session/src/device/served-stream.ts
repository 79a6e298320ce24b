import type { StreamEnd } from '@gatehouse/transport';
import { type FrameStream, frameJson, frameStream, type ServedSession, type SessionHandlers } from '../frame-stream.js';
import type { GrantClaims } from '../grant.js';
import type { SessionReport } from '../hello.js';
import { type ErrorMessage, frameTypes, type OpenMessage, openMessage } from '../messages.js';
import type { ResumableStream } from '../resumable-stream.js';
import { confine } from './confine.js';

const openWithinMs = 10_000;

export interface ServeStreamOptions {
  readonly resumable: ResumableStream;
  readonly handlers: SessionHandlers;
  readonly source: string | undefined;
  readonly ended: AbortSignal;
  /** As it is at the moment: renewals replace it. */
  readonly grant: () => GrantClaims;
  /** A new grant of the same session. False: it is none. */
  readonly renew: (grant: string) => boolean;
  readonly report: (event: SessionReport['event']) => void;
  /** Asks whoever sits at the device. Without it, what asks for that is refused. */
  readonly approve: ((grant: GrantClaims, open: OpenMessage) => Promise<boolean>) | undefined;
}

/** The frames of a client as its handler sees them: grants that come between them are taken out. */
class HandledFrames implements FrameStream {
  onEnd: FrameStream['onEnd'] = () => undefined;
  onReset: FrameStream['onReset'] = () => undefined;
  onDrain: FrameStream['onDrain'] = () => undefined;
  #onFrame: FrameStream['onFrame'] = () => undefined;
  #isStarted = false;

  /** `inner` is paused, and goes on when the handler is ready to read. */
  constructor(
    private readonly inner: FrameStream,
    renew: (grant: string) => boolean,
  ) {
    const refuse = (end: StreamEnd) => {
      inner.reset(end);
      this.onReset(end);
    };
    inner.onEnd = () => this.onEnd();
    inner.onReset = (end) => this.onReset(end);
    inner.onDrain = () => this.onDrain();
    inner.onFrame = (type, payload) => {
      if (type === frameTypes.open) refuse({ code: 'protocol', detail: 'opened twice' });
      else if (type !== frameTypes.renew) this.#onFrame(type, payload);
      else if (!renew(Buffer.from(payload).toString('latin1'))) refuse({ code: 'bad_grant' });
    };
  }

  get onFrame(): FrameStream['onFrame'] {
    return this.#onFrame;
  }

  set onFrame(callback: FrameStream['onFrame']) {
    this.#onFrame = callback;
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.inner.resume();
  }

  send: FrameStream['send'] = (type, payload) => this.inner.send(type, payload);
  sendJson: FrameStream['sendJson'] = (type, value) => this.inner.sendJson(type, value);
  end = (): void => this.inner.end();
  reset = (end: StreamEnd): void => this.inner.reset(end);
  pause = (): void => this.inner.pause();
  resume = (): void => this.inner.resume();
}

/** Reads what a client opens over a new stream, and gives it to the handler of its kind if that was granted. */
export function serveStream(options: ServeStreamOptions): void {
  const frames = frameStream(options.resumable);
  const timer = setTimeout(() => frames.reset({ code: 'timeout', detail: 'nothing was opened' }), openWithinMs);
  options.ended.addEventListener('abort', () => clearTimeout(timer), { once: true });
  frames.onFrame = (type, payload) => {
    clearTimeout(timer);
    frames.pause();
    const open = type === frameTypes.open ? frameJson(openMessage, payload) : undefined;
    const handled = new HandledFrames(frames, options.renew);
    const refuse = refusing(handled, options.report);
    if (!open) return refuse('protocol', 'not an open message');
    void handle(open, handled, refuse, options).catch(() => refuse('io', 'the device could not'));
  };
}

type Refuse = (code: ErrorMessage['code'], detail: string) => void;

const refusing =
  (stream: FrameStream, report: ServeStreamOptions['report']): Refuse =>
  (code, detail) => {
    report({ kind: 'refused', code });
    stream.sendJson(frameTypes.error, { code, detail } satisfies ErrorMessage);
    stream.end();
    // What the client has sent meanwhile is read away, and its end completes ours.
    stream.onFrame = () => undefined;
  };

async function handle(open: OpenMessage, stream: FrameStream, refuse: Refuse, options: ServeStreamOptions) {
  const grant = options.grant();
  const confined = confine(open, grant);
  if (!confined) return refuse('not_granted', 'the grant is for something else');
  const handler = options.handlers[confined.kind];
  if (!handler) return refuse('unsupported', `this device does not serve ${confined.kind}`);
  if (grant.approveOnDevice && !(await options.approve?.(grant, confined))) {
    return refuse('refused', 'nobody at the device approved it');
  }
  if (options.ended.aborted) return;
  const { source, ended, report } = options;
  (handler as (session: ServedSession) => void)({ grant, open: confined, stream, source, ended, report });
}
