import { Controller, Get, Module, Post } from '@nestjs/common';
import { serveModule } from './serve-module.js';

/** The limit that HTTP figures are compared with: NestJS on Fastify, doing nothing. */
@Controller()
class HelloController {
  @Get()
  get() {
    return { hello: 'world' };
  }

  @Post()
  post() {
    return { hello: 'world' };
  }
}

@Module({ controllers: [HelloController] })
class HelloModule {}

await serveModule(HelloModule);
