import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { ProblemError } from './problem.js';
import type { HttpRequest } from './request.js';

/** What the adapter leaves to the application. Set once by `createApp`, before Nest initializes. */
export interface AppAdapterDuties {
  sendProblem(request: HttpRequest, reply: FastifyReply, error: unknown): void;
  drain(): Promise<void>;
}

/**
 * Fastify's adapter with two duties changed. Errors of Fastify and unknown routes go straight to the problem documents:
 * through Nest they would be wrapped in its own exceptions first. And closing lets requests in flight finish before
 * Nest destroys the modules they use: Nest awaits `beforeClose` ahead of every destroy hook, but closes the server only
 * after them, when the database pools are gone.
 */
export class AppAdapter extends FastifyAdapter {
  duties: AppAdapterDuties | undefined;

  override setErrorHandler(): FastifyInstance {
    return this.getInstance<FastifyInstance>().setErrorHandler((error, request, reply) => {
      this.duties?.sendProblem(request, reply, error);
      return reply;
    });
  }

  override setNotFoundHandler(): FastifyInstance {
    return this.getInstance<FastifyInstance>().setNotFoundHandler((request, reply) => {
      this.duties?.sendProblem(request, reply, new ProblemError('not_found'));
      return reply;
    });
  }

  override async beforeClose(): Promise<void> {
    super.beforeClose();
    await this.duties?.drain();
  }
}
