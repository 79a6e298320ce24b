import {
  Caller,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { decidedInside, pageQuery } from '../device/device-input.js';
import { deniedBy, Permission } from '../permission.js';
import { listSessions, readSession } from './session-list.js';

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/devices/sessions',
  summary: 'Lists sessions on devices, the newest first: one’s own, or all with device.sessions.read',
  access: decidedInside,
  query: z.object({
    ...pageQuery,
    device: z.uuid().optional(),
    subject: z
      .string()
      .regex(/^[a-z][a-z-]{0,31}\/.{1,256}$/)
      .optional()
      .describe('type/id'),
    cursor: z.string().max(64).optional(),
  }),
});

const show = defineRoute({
  method: 'GET',
  path: '/api/v1/devices/sessions/:session',
  summary: 'One session: who, what, by which decisions, how it ended, and the chunks of its recording',
  access: decidedInside,
  params: z.object({ session: z.uuid() }),
  problems: ['forbidden', 'not_found'],
});

const action = 'device.sessions.read';

@Controller()
export class SessionListController {
  constructor(
    @Inject(Permission) private readonly permission: Permission,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { device, subject: named, ...page } = query;
    const self = { type: caller.type, id: caller.id };
    const wanted = named === undefined ? undefined : toSubject(named);
    const isOwn = wanted?.type === self.type && wanted.id === self.id;
    const asker = { caller, request };
    const mayAll =
      isOwn ||
      (device === undefined
        ? await this.permission.holdsEverywhere(asker, action)
        : (await this.permission.ask(asker, action, device)).allowed);
    if (!mayAll && wanted !== undefined) throw deniedBy(action, undefined);
    // What one did oneself one may see; of others, what one may.
    const subject = mayAll ? wanted : self;
    return listSessions(this.platform.database.request, caller.tenantId, { ...page, device, subject });
  }

  @Route(show)
  async show(@Input() { params }: InputOf<typeof show>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const found = await readSession(this.platform.database.request, caller.tenantId, params.session);
    if (!found) throw new ProblemError('not_found', 'There is no such session');
    const isOwn = found.subject.type === caller.type && found.subject.id === caller.id;
    if (!isOwn) await this.permission.require({ caller, request }, action, found.deviceId);
    return found;
  }
}

function toSubject(text: string) {
  const slash = text.indexOf('/');
  return { type: text.slice(0, slash), id: text.slice(slash + 1) };
}
