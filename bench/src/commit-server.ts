import { Body, Controller, Module, Post } from '@nestjs/common';
import pg from 'pg';
import { serveModule } from './serve-module.js';

/** Rows that wait are put in together, in one commit at a time: nothing that writes over HTTP can do with less. */
class SharedCommits {
  readonly #pool: pg.Pool;
  #waiting: { readonly body: string; readonly done: () => void; readonly fail: (error: unknown) => void }[] = [];
  #isBusy = false;

  constructor(url: string | undefined) {
    this.#pool = new pg.Pool({ connectionString: url, max: 2 });
  }

  add(body: string): Promise<void> {
    return new Promise((done, fail) => {
      this.#waiting.push({ body, done, fail });
      if (!this.#isBusy) void this.#commit();
    });
  }

  async #commit(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) {
      const taken = this.#waiting;
      this.#waiting = [];
      try {
        const bodies = taken.map(({ body }) => body);
        await this.#pool.query('insert into public.plain (body) select unnest($1::text[])', [bodies]);
        for (const { done } of taken) done();
      } catch (error) {
        for (const { fail } of taken) fail(error);
      }
    }
    this.#isBusy = false;
  }
}

const decisions = new SharedCommits(process.env.DATABASE_URL);
const writes = new SharedCommits(process.env.DATABASE_URL);

/** The limit that writes over HTTP are compared with: nobody is asked who he is, nothing is sealed, no other service is called. */
@Controller()
class CommitController {
  @Post('once')
  async once(@Body() { value }: { value: string }) {
    await writes.add(value);
    return { version: 1 };
  }

  /** As a write whose decision is durable before it: the two wait for the disk one after the other. */
  @Post('twice')
  async twice(@Body() { value }: { value: string }) {
    await decisions.add(value);
    await writes.add(value);
    return { version: 1 };
  }
}

@Module({ controllers: [CommitController] })
class CommitModule {}

await serveModule(CommitModule);
