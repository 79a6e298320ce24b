import { Caller, defineRoute, type HttpRequest, Input, type InputOf, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { answering } from '../../problems.js';
import { ACCOUNT, type Account } from '../account.service.js';
import { emailAddress, linkToken, password } from '../account-schemas.js';
import { atLeast } from '../at-least.js';
import { ownSession, type SignedIn } from '../own-session.js';
import { answerFloorMs } from '../registration/registration.controller.js';

const forgot = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/password/forgot',
  summary: 'Mails a link that sets a password; answers alike whether the address has an account',
  access: { kind: 'public' },
  body: z.strictObject({ email: emailAddress }),
  response: z.object({ accepted: z.literal(true) }),
  status: 202,
  bodyLimitBytes: 4_096,
  problems: ['sign_in_delayed'],
});

const reset = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/password/reset',
  summary: 'Sets a password by a mailed link, once, and ends all sessions; second factors stay',
  access: { kind: 'public' },
  body: z.strictObject({ token: linkToken, password }),
  status: 204,
  bodyLimitBytes: 16_384,
  problems: ['link_invalid', 'sign_in_delayed', 'unavailable'],
});

const change = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/password/change',
  summary: "Changes the caller's password and ends all other sessions",
  access: { kind: 'authenticated' },
  body: z.strictObject({ current: password, next: password }),
  status: 204,
  bodyLimitBytes: 16_384,
  problems: ['forbidden', 'password_wrong', 'sign_in_delayed', 'unavailable'],
});

@Controller()
export class PasswordController {
  constructor(@Inject(ACCOUNT) private readonly account: Account) {}

  @Route(forgot)
  async forgot(@Input() { body }: InputOf<typeof forgot>, @Req() request: HttpRequest) {
    const now = Date.now();
    const { throttle, changePasswords } = this.account;
    await throttle.take([throttle.ofNetwork('requests', request.ip)], now);
    await atLeast(answerFloorMs, () => changePasswords.sendLink(body.email, now));
    return { accepted: true };
  }

  @Route(reset)
  async reset(@Input() { body }: InputOf<typeof reset>, @Req() request: HttpRequest): Promise<void> {
    const now = Date.now();
    const { throttle, changePasswords } = this.account;
    await throttle.take([throttle.ofNetwork('requests', request.ip)], now);
    await answering(() => changePasswords.reset(body.token, body.password, { ip: request.ip, now }));
  }

  @Route(change)
  async change(@Input() { body }: InputOf<typeof change>, @Caller() caller: SignedIn): Promise<void> {
    const { userId, sessionId } = ownSession(caller);
    await answering(() => this.account.changePasswords.change(userId, { ...body, sessionId, now: Date.now() }));
  }
}
