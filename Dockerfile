FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json ./
COPY scripts ./scripts
COPY src ./src
COPY bench ./bench
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
ENV NODE_ENV=production
# As in conf/environment.
ENV GLIBC_TUNABLES=glibc.malloc.arena_max=2:glibc.malloc.trim_threshold=1048576:glibc.malloc.mmap_threshold=1048576
WORKDIR /opt/thermocline
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY conf ./conf
RUN mkdir /data && chown node:node /data
USER node
WORKDIR /data
VOLUME /data
# Clients, and /metrics, /healthz and /readyz.
EXPOSE 6379 9121
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9121/healthz').then((reply) => process.exit(reply.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/opt/thermocline/dist/src/main.js"]
# Inside a container the published port is the boundary, so listen on every interface. Publish the port
# only to networks you trust, or set requirepass.
CMD ["/opt/thermocline/conf/thermocline.conf", "--flex-storage-path", "/data/flex", "--bind", "*", "--protected-mode", "no", "--metrics-port", "9121", "--metrics-bind", "*"]
