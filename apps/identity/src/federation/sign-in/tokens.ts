import type { FastifyReply } from 'fastify';
import type { SignInResult } from '../../account/sign-in/sign-ins.service.js';

export function tokensOf(result: SignInResult, _inCookie: boolean, _reply: FastifyReply) {
  return result;
}
