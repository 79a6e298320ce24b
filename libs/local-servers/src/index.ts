export { installedNatsServer, type NatsBinary, natsCachePath } from './find-nats-server.js';
export { LocalServerError, type LocalServerErrorCode } from './local-server-error.js';
export { type NatsOptions, type NatsServer, startNats } from './nats.js';
export { describePortHolder, freePort, requireFreePort } from './ports.js';
export { type PostgresOptions, type PostgresServer, startPostgres } from './postgres.js';
export { findPostgres, type PostgresBinaries } from './postgres-binaries.js';
export { processIdentity } from './process-identity.js';
export { canTraverse, type ServerAccount, unprivilegedAccount } from './server-account.js';
export { type ChildExit, type ChildSpec, type SupervisedChild, superviseChild } from './supervise-child.js';
