# The operator as one bundled file on the Node base: no node_modules in the image.
FROM docker.io/library/node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --prefer-offline --no-audit --no-fund
COPY tsconfig.json esbuild.config.ts ./
COPY src src
RUN npm run build

FROM docker.io/library/node:24-bookworm-slim
COPY --from=build /build/dist/glidepath.mjs /app/glidepath.mjs
USER 65532:65532
EXPOSE 8080
ENV NODE_ENV=production
ENTRYPOINT ["node", "--optimize-for-size", "--max-semi-space-size=16", "/app/glidepath.mjs"]
