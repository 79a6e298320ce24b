# One image a service: docker build --build-arg APP=identity .
FROM node:22.21-bookworm-slim AS build
WORKDIR /gatehouse
COPY . .
RUN npm ci && npm run build
