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
WORKDIR /opt/thermocline
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY conf ./conf
RUN mkdir /data && chown node:node /data
USER node
WORKDIR /data
VOLUME /data
EXPOSE 6379
# Any reply, -NOAUTH included, shows a server that answers.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "const s=require('node:net').connect(6379,'127.0.0.1',()=>s.write('PING\\r\\n'));s.setTimeout(2500,()=>process.exit(1));s.on('error',()=>process.exit(1));s.on('close',()=>process.exit(1));s.on('data',()=>process.exit(0))"]
ENTRYPOINT ["node", "/opt/thermocline/dist/src/main.js"]
# Inside a container the published port is the boundary, so listen on every interface. Publish the port
# only to networks you trust, or set requirepass.
CMD ["/opt/thermocline/conf/thermocline.conf", "--flex-storage-path", "/data/flex", "--bind", "*", "--protected-mode", "no"]
