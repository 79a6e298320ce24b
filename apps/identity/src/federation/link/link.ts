import type { Envelope, IdpLinkAdded, IdpLinkRemoved } from '@gatehouse/contracts';
import { type Pepper, pseudonym } from '@gatehouse/crypto';
import type { Decider, NewEvent } from '@gatehouse/event-store';
import { refusal } from '../federation-refusals.js';

/** That one of an issuer's people is one of ours. */
export type Link = { readonly status: 'none' } | { readonly status: 'linked'; readonly userId: string };

/** Stands for the issuer's own name of somebody, which may be personal; `sub` differs by letter case (OIDC Core 2). */
export const subjectIndexOf = (pepper: Pepper, issuer: string, subject: string): string =>
  pseudonym(pepper, `${issuer}\n${subject}`);

export const linkStream = (idpId: string, subjectIndex: string): string => `idp-link:${idpId}_${subjectIndex}`;

export const linkDecider: Decider<Link> = {
  initialState: { status: 'none' },
  evolve: (state: Link, { type, data }: Envelope): Link => {
    if (type === 'idp_link.removed') return { status: 'none' };
    return type === 'idp_link.added' ? { status: 'linked', userId: (data as IdpLinkAdded).userId } : state;
  },
};

/** Nobody of the issuer is two of ours. @throws Refusal `federation_refused` */
export function addLink(link: IdpLinkAdded, state: Link): readonly NewEvent[] {
  if (state.status === 'none') return [{ type: 'idp_link.added', version: 1, data: link }];
  if (state.userId !== link.userId) throw refusal('federation_refused');
  return [];
}

export const removeLink = (link: IdpLinkRemoved, state: Link): readonly NewEvent[] =>
  state.status === 'none' ? [] : [{ type: 'idp_link.removed', version: 1, data: link }];
