# One service: a single bundled file, so that the image needs no npm. Used for api, web and load.
FROM opsctl-demo/node
WORKDIR /app
# Owned by the user here, because a new volume takes over the owner of the folder it covers.
RUN mkdir -p /data/uploads /var/log/app && chown -R app:app /data /var/log/app
COPY server.cjs /app/
ARG TITLE
ARG VERSION
ENV NODE_ENV=production SERVICE=$TITLE APP_VERSION=$VERSION
LABEL org.opencontainers.image.title="$TITLE" \
      org.opencontainers.image.version="$VERSION"
USER app
EXPOSE 3000
STOPSIGNAL SIGTERM
# Liveness only, and on purpose: when Redis is down, restarting the API would not help.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
  CMD ["curl", "-fsS", "-m", "2", "-o", "/dev/null", "http://127.0.0.1:3000/live"]
CMD ["node", "--enable-source-maps", "/app/server.cjs"]
