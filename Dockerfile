# One image for every stage and for setup: the service's command says which.
FROM node:24-slim

# ffmpeg and ffprobe decode; prlimit of util-linux bounds them.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates ffmpeg util-linux \
 && rm -rf /var/lib/apt/lists/*

ENV NODE_ENV=production
WORKDIR /app

# Packages before sources, so that a changed source does not install them anew. Their scripts stay off: none is needed.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force

COPY . .

# A named volume mounted here takes over this owner.
RUN mkdir -p /data/blobs /data/models /data/state && chown -R node:node /data
ENV SLUICE_BLOBS=/data/blobs \
    SLUICE_MODELS=/data/models \
    SLUICE_STATE=/data/state \
    SLUICE_HEALTH_PORT=9464

USER node
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "cli/main.ts"]
CMD ["--help"]
