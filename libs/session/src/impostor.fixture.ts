import { randomUUID } from 'node:crypto';
import type { KeyPair } from '@gatehouse/noise';
import type { ByteStream } from '@gatehouse/transport';
import type { ChannelAnswer, ChannelOffer } from './channel/channel-offer.js';
import { openChannel } from './channel/open-channel.js';
import type { GrantRequest } from './client/granting.js';
import { frameStream } from './frame-stream.js';
import { frameTypes, type OpenMessage } from './messages.js';
import { nodePrimitives } from './node-primitives.js';
import type { TestRelay } from './relay.fixture.js';
import { ResumableStream } from './resumable-stream.js';
import { type Device, execRequest } from './session-world.fixture.js';

/** A client of the relay's own making, at the device's door: as much of a client as it likes to be. */
export class Impostor {
  readonly bytes = new ResumableStream({ lost: 'device_lost' });

  constructor(
    private readonly relay: TestRelay,
    private readonly device: Device,
    private readonly stream: string = randomUUID(),
    readonly keys: KeyPair = nodePrimitives.generateKeyPair(),
  ) {}

  request(): GrantRequest {
    return { scope: execRequest.scope, clientKey: Buffer.from(this.keys.public).toString('base64url') };
  }

  /** The same client with the same stream, as if for the first time. */
  again(): Impostor {
    return new Impostor(this.relay, this.device, this.stream, this.keys);
  }

  /** Another client, who knows the number of this one's stream. */
  other(): Impostor {
    return new Impostor(this.relay, this.device, this.stream);
  }

  /** What the device says to this grant, and to what is opened under it. */
  async try(grant: string, open: OpenMessage = execRequest.open, offer: Partial<ChannelOffer> = {}): Promise<string> {
    const frames = frameStream(this.bytes);
    frames.sendJson(frameTypes.open, open);
    const opened = new Promise<string>((resolve) => {
      frames.onFrame = (type, payload) =>
        resolve(type === frameTypes.error ? JSON.parse(Buffer.from(payload).toString()).code : `frame ${type}`);
      frames.onReset = ({ code }) => resolve(code);
    });
    const answer = await this.#knock(grant, offer);
    if (typeof answer === 'string') return answer;
    return 'received' in answer ? opened : 'over' in answer ? answer.over : answer.refused;
  }

  #knock(grant: string, offer: Partial<ChannelOffer>): Promise<ChannelAnswer | string> {
    return new Promise((resolve) => {
      const channel = openChannel({
        static: this.keys,
        remoteStatic: Buffer.from(this.device.sessionKey, 'base64url'),
        offer: { v: 1, grant, stream: this.stream, received: 0, ...offer },
        onAnswer: (answer, stream) => {
          if ('received' in answer) this.bytes.attach(stream, { peerReceived: answer.received, told: 0 });
          resolve(answer);
        },
        onFailed: ({ code }) => resolve(code),
      });
      const way = this.relay.openTo(this.device.deviceId, grant) as ByteStream;
      way.write(channel.first);
      channel.read(way);
    });
  }
}
