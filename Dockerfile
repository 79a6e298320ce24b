# One image for each service: docker build --build-arg APP=identity .
# docker-compose.yml builds all of them; deploy/README.md says how they are run.

# What npm looks at. A change of source code alone leaves this stage's result, and so the installations below, as they are.
FROM node:24.21.0-trixie-slim AS manifests
WORKDIR /gatehouse
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete && find . -type d -empty -delete

# Optional packages are databases for `npm start`; here PostgreSQL is a container of its own. No package needs its scripts.
FROM node:24.21.0-trixie-slim AS production
WORKDIR /gatehouse
COPY --from=manifests /gatehouse ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
 && find node_modules/@gatehouse -type l ! -lname '../../libs/*' ! -lname '../../deploy' -delete \
 && rm node_modules/@gatehouse/testing node_modules/@gatehouse/service-testing

FROM node:24.21.0-trixie-slim AS build
WORKDIR /gatehouse
COPY --from=manifests /gatehouse ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
ARG APP
RUN node node_modules/ts7/bin/tsc -b "apps/${APP:?give --build-arg APP=identity, policy, vault, registry, relay, audit or gateway}" deploy \
 && rm -rf node_modules bench tools libs/testing libs/service-testing apps/*/src apps/*/test apps/*/dist/test libs/*/src deploy/src \
 && find apps -mindepth 1 -maxdepth 1 ! -name "$APP" -exec rm -r {} + \
 && find apps libs deploy -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.spec.js' -o -name '*.fixture.js' \
      -o -name '*.contract.js' -o -name 'tsconfig*.json' -o -name '.tsbuildinfo' -o -name 'jest.config.mjs' \) -delete

FROM node:24.21.0-trixie-slim
ARG APP
LABEL org.opencontainers.image.title="gatehouse-${APP}" org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
# A new volume takes the owner and mode of the folder it is mounted on, so that any user may write there.
# Package managers only help an intruder.
RUN install -d -m 1777 /var/lib/gatehouse /var/lib/nats \
 && rm -rf /usr/local/lib/node_modules /opt/yarn* /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg
WORKDIR /gatehouse
COPY --from=production /gatehouse/node_modules ./node_modules
COPY --from=build /gatehouse ./
WORKDIR /gatehouse/apps/${APP}
USER 1000:1000
STOPSIGNAL SIGTERM
# The gateway, which has a certificate, speaks HTTPS. Whose certificate it is does not matter on the loopback.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=6 CMD ["node", "-e", "require(process.env.TLS_CERT_FILE ? 'https' : 'http').get({ host: '127.0.0.1', port: process.env.SERVICE_PORT, path: '/readyz', timeout: 4000, agent: false, rejectUnauthorized: false }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1)).on('timeout', () => process.exit(1)).on('error', () => process.exit(1))"]
# Room for what is young, in MiB: see tools/up/src/service-process.ts.
ENTRYPOINT ["node", "--max-semi-space-size=64", "dist/src/main.js"]
CMD ["serve"]
