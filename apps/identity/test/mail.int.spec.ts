import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { FolderTransport } from '../src/mail/folder-transport.service.js';
import type { Letter } from '../src/mail/letter.js';
import { connectionOf, SmtpTransport } from '../src/mail/smtp-transport.service.js';
import { auth, goodPassword } from './account.fixture.js';
import { type Stack, startStack } from './stack.fixture.js';

interface Received {
  readonly to: readonly string[];
  readonly text: string;
}

/** A real SMTP server that keeps what it takes. */
async function startSmtp(options: SMTPServerOptions = {}, port = 0) {
  const received: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        received.push({ to, text: Buffer.concat(chunks).toString('utf8') });
        done();
      });
    },
    ...options,
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.server.address() as { port: number };
  return {
    received,
    url: `smtp://127.0.0.1:${address.port}`,
    stop: () => new Promise<void>((resolve) => server.close(resolve)),
  };
}

const letter = (changes: Partial<Letter> = {}): Letter => ({
  id: randomUUID(),
  subject: randomUUID(),
  to: 'ann@example.org',
  title: 'A title',
  text: 'A text',
  ...changes,
});

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterEach(() => stack?.stopReplicas());
afterAll(() => stack?.stop());

const register = (at: { readonly address: string }, email: string) =>
  auth(at, 'POST /register', { body: { email, password: goodPassword } });

const queue = () =>
  stack.superuser<{ problem: string | null; next: string; tries: number }>(
    'select problem, next_try_at::text as next, tries from identity.mail_queue order by created_at',
  );

describe('letters by SMTP', () => {
  it('arrive once, at one address, and leave no row', async () => {
    const smtp = await startSmtp();
    const replicas = await Promise.all([stack.serve({ SMTP_URL: smtp.url }), stack.serveApart({ SMTP_URL: smtp.url })]);
    const at = replicas[0] as { address: string };
    await register(at, 'one@mail.test');
    await register(at, 'two@mail.test');
    await waitFor(async () => smtp.received.length >= 2 && (await queue()).length === 0);
    expect(smtp.received.map(({ to }) => to).sort()).toEqual([['one@mail.test'], ['two@mail.test']]);
    expect(smtp.received[0]?.text).toMatch(/Message-ID: <[0-9a-f-]{36}@gatehouse>/i);
    expect(smtp.received[0]?.text).toContain('verify-email#token');
    for (const replica of replicas) expect(replica.log()).not.toMatch(/mail\.test|gln_|wombat/);
    await smtp.stop();
  });

  it('wait while the server is away, and until there is one', async () => {
    const none = await stack.serve();
    expect(none.log()).toContain('letters wait and are not sent');
    await register(none, 'later@mail.test');
    await stack.stopReplicas();
    const port = await freePort();
    const replica = await stack.serve({ SMTP_URL: `smtp://127.0.0.1:${port}` });
    await waitFor(async () => ((await queue())[0]?.tries ?? 0) > 0, { message: 'a first try' });
    expect((await queue())[0]?.problem).toMatch(/^E[A-Z]+$/);
    const smtp = await startSmtp({}, port);
    await stack.superuser('update identity.mail_queue set next_try_at = now()');
    await waitFor(() => smtp.received.length === 1);
    expect(replica.log()).not.toContain('later@mail.test');
    await smtp.stop();
  });

  it('are parked when the server refuses the address, with an alarm that does not name it', async () => {
    const smtp = await startSmtp({
      onRcptTo: ({ address }, _session, done) =>
        done(Object.assign(new Error(`no mailbox ${address}`), { responseCode: 550 })),
    });
    const replica = await stack.serve({ SMTP_URL: smtp.url });
    await register(replica, 'refused@mail.test');
    await waitFor(() => replica.log().includes('is parked'));
    expect(await queue()).toEqual([{ problem: 'EENVELOPE 550', next: 'infinity', tries: 1 }]);
    expect(replica.log()).not.toContain('refused@mail.test');
    await waitFor(async () =>
      (await (await fetch(`${replica.address}/metrics`)).text()).includes('identity_letters_parked 1'),
    );
    await stack.superuser('delete from identity.mail_queue');
    await smtp.stop();
  });

  it('are not sent in clear off this machine, nor to two addresses at once', async () => {
    const smtp = await startSmtp();
    const { port } = new URL(smtp.url);
    // As it would be for a server elsewhere, that offers no TLS.
    expect(connectionOf({ url: `smtp://mail.example.org:${port}` }).requireTLS).toBe(true);
    const transport = new SmtpTransport({ url: smtp.url, from: 'Gatehouse <g@example.org>', requireTls: true });
    await expect(transport.send(letter())).rejects.toMatchObject({ code: 'ETLS' });
    // A server that offers TLS with a certificate nobody vouches for.
    const selfMade = await startSmtp({ disabledCommands: ['AUTH'] });
    const careful = new SmtpTransport({ url: selfMade.url, from: 'Gatehouse <g@example.org>', requireTls: true });
    await expect(careful.send(letter())).rejects.toThrow(/certificate/);
    expect([...smtp.received, ...selfMade.received]).toEqual([]);
    careful.stop();
    await selfMade.stop();
    const plain = new SmtpTransport({ url: smtp.url, from: 'Gatehouse <g@example.org>' });
    await plain.send(letter({ to: 'ann@example.org, eve@example.org' })).catch(() => undefined);
    expect(smtp.received.flatMap(({ to }) => to)).not.toContain('eve@example.org');
    await plain.send(letter({ title: 'A title\r\nBcc: eve@example.org' }));
    expect(smtp.received.flatMap(({ to }) => to)).not.toContain('eve@example.org');
    for (const each of [transport, plain]) each.stop();
    await smtp.stop();
  });
});

describe('letters in a folder', () => {
  it('are private, go with their person, and stay a day', async () => {
    const dir = tempDir('gatehouse-mail-');
    const folder = join(dir.path, 'mail');
    const transport = new FolderTransport(folder);
    const [ann, bob] = [letter(), letter()];
    await transport.send(ann);
    await transport.send(bob);
    const names = () => readdirSync(folder).sort();
    expect(names()).toHaveLength(2);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of names()) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    expect(await transport.erase(ann.subject)).toBe(1);
    expect(names()).toEqual([`${bob.id}_${bob.subject}.txt`]);
    writeFileSync(join(folder, 'notes.txt'), 'not a letter');
    const old = new Date(Date.now() - 25 * 3_600_000);
    for (const name of names()) utimesSync(join(folder, name), old, old);
    await transport.tidy(Date.now());
    expect(names()).toEqual(['notes.txt']);
    dir.remove();
  });

  it('and by SMTP at once are refused at start', async () => {
    const folder = join(stack.folder, 'both');
    mkdirSync(folder);
    const launched = await stack.launch({ SMTP_URL: 'smtp://127.0.0.1:1', MAIL_FOLDER: folder });
    expect((await launched.child.exited).code).toBe(1);
    await waitFor(() => launched.log().includes('MAIL_FOLDER'));
  });
});
