import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { AppState } from './app-state.js';
import type { HttpRequest } from './request.js';
import { sendProblem } from './send-problem.js';

/** The way into {@link sendProblem} for what controllers, pipes and interceptors throw. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly state: AppState) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(this.state, http.getRequest<HttpRequest>(), http.getResponse<FastifyReply>(), error);
  }
}
