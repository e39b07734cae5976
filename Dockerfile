# The image of all crypto-assets services; docker-compose.yml sets the command of each.

ARG PYTHON_IMAGE=python:3.12-slim
FROM ${PYTHON_IMAGE} AS build
WORKDIR /app
RUN python -m venv .venv
COPY requirements.lock ./
RUN --mount=type=cache,target=/var/cache/pip \
    .venv/bin/pip install --quiet --cache-dir /var/cache/pip --require-hashes --only-binary :all: -r requirements.lock
COPY . .
# The image's user reads these files, whatever the umask of the checkout was.
RUN find . -path ./.venv -prune -o ! -perm -a+r -exec chmod a+rX {} +
# Editable, because the services run files of this folder.
RUN .venv/bin/pip install --quiet --no-deps --no-build-isolation --editable .
# The file system of the containers is read-only.
RUN .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash crypto_assets streamlit_app
# `make up` passes the version for the label; it must be the package's.
ARG VERSION=""
RUN test -z "$VERSION" || .venv/bin/crypto-assets --version | grep -qxF "crypto-assets, version $VERSION"

FROM ${PYTHON_IMAGE}
ARG VERSION=""
LABEL org.opencontainers.image.title="crypto-assets" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.licenses="MIT"
RUN useradd --uid 10001 --create-home crypto \
    && install -d -o crypto -g crypto /var/lib/crypto-assets /var/lib/dagster /var/lib/dagster-workers \
        /var/lib/backups
COPY --from=build /app /app
COPY --chown=crypto:crypto deploy/dagster.yaml deploy/workspace.yaml /var/lib/dagster/
COPY --chown=crypto:crypto deploy/celery/dagster.yaml /var/lib/dagster-workers/
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CRYPTO_HOME=/var/lib/crypto-assets \
    DAGSTER_HOME=/var/lib/dagster
WORKDIR /app
USER 10001
CMD ["crypto-assets", "--help"]
