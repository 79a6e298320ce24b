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
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { FEDERATION, type Federation } from '../federation.js';

const mine = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/me/identity-links',
  summary: "Shows which providers open the caller's account",
  access: { kind: 'authenticated' },
  response: z.object({ links: z.array(z.object({ idpId: z.uuid(), tenant: z.string(), linkedAt: z.iso.datetime() })) }),
});

const removeMine = defineRoute({
  method: 'DELETE',
  path: '/api/v1/identity/me/identity-links/:idpId',
  summary: "Takes a provider's way into the caller's account away",
  access: { kind: 'authenticated' },
  params: z.object({ idpId: z.uuid() }),
  status: 204,
});

const remove = defineRoute({
  method: 'DELETE',
  path: '/api/v1/identity/identity-providers/:idpId/links/:userId',
  summary: 'Unlinks one person from an identity provider of the tenant',
  access: {
    kind: 'action',
    action: 'idp.write',
    resource: ({ input }: HttpRequest) => `idp/${(input?.params as { idpId?: string } | undefined)?.idpId ?? ''}`,
  },
  params: z.object({ idpId: z.uuid(), userId: z.uuid() }),
  status: 204,
  problems: ['not_found'],
});

@Controller()
export class LinksController {
  constructor(@Inject(FEDERATION) private readonly federation: Federation) {}

  @Route(mine)
  async mine(@Caller() caller: Principal) {
    const links = await this.federation.links.ofUser(personOf(caller));
    return {
      links: links.map(({ idpId, tenantId, linkedAt }) => ({
        ...{ idpId, tenant: tenantId, linkedAt: linkedAt.toISOString() },
      })),
    };
  }

  @Route(removeMine)
  async removeMine(@Input() { params }: InputOf<typeof removeMine>, @Caller() caller: Principal): Promise<void> {
    const links = await this.federation.links.ofUser(personOf(caller), params.idpId);
    await this.federation.links.remove(links, { type: caller.type, id: caller.id });
  }

  @Route(remove)
  async remove(@Input() { params }: InputOf<typeof remove>, @Caller() caller: Principal): Promise<void> {
    const links = await this.federation.links.ofUser(params.userId, params.idpId);
    const own = links.filter(({ tenantId }) => tenantId === caller.tenantId);
    if (own.length === 0) throw new ProblemError('not_found', 'There is no such link');
    await this.federation.links.remove(own, { type: caller.type, id: caller.id });
  }
}

function personOf({ type, id }: Principal): string {
  if (type !== 'user') throw new ProblemError('forbidden', 'Only a person has links');
  return id;
}
