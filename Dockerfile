# The images of the crypto-assets services; docker-compose.yml sets the command of each. The target
# `runs` has no packages of the app, the API and Dagster's pages; the target `servers` has all.

ARG PYTHON_IMAGE=python:3.12-slim
FROM ${PYTHON_IMAGE} AS run-packages
WORKDIR /app
RUN python -m venv .venv
COPY requirements-runs.lock ./
RUN --mount=type=cache,target=/var/cache/pip \
    .venv/bin/pip install --quiet --cache-dir /var/cache/pip --require-hashes --only-binary :all: -r requirements-runs.lock

FROM run-packages AS server-packages
COPY requirements.lock ./
RUN --mount=type=cache,target=/var/cache/pip \
    .venv/bin/pip install --quiet --cache-dir /var/cache/pip --require-hashes --only-binary :all: -r requirements.lock

FROM ${PYTHON_IMAGE} AS project
WORKDIR /app
COPY . .
# The image's user reads these files, whatever the umask of the checkout was.
RUN find . ! -perm -a+r -exec chmod a+rX {} +
# The file system of the containers is read-only.
RUN python -m compileall -q --invalidation-mode unchecked-hash crypto_assets streamlit_app

# Editable, because the services run files of this folder. `make up` passes the version for the label;
# it must be the package's.
FROM run-packages AS build-runs
COPY --from=project /app /app
ARG VERSION=""
RUN .venv/bin/pip install --quiet --no-deps --no-build-isolation --editable . \
    && { test -z "$VERSION" || .venv/bin/crypto-assets --version | grep -qxF "crypto-assets, version $VERSION"; }

FROM server-packages AS build-servers
COPY --from=project /app /app
ARG VERSION=""
RUN .venv/bin/pip install --quiet --no-deps --no-build-isolation --editable . \
    && { test -z "$VERSION" || .venv/bin/crypto-assets --version | grep -qxF "crypto-assets, version $VERSION"; }

FROM ${PYTHON_IMAGE} AS base
ARG VERSION=""
LABEL org.opencontainers.image.title="crypto-assets" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.licenses="MIT"
RUN useradd --uid 10001 --create-home crypto \
    && install -d -o crypto -g crypto /var/lib/crypto-assets /var/lib/crypto-assets/metrics \
        /var/lib/dagster /var/lib/dagster-workers /var/lib/backups
COPY --chown=crypto:crypto deploy/dagster.yaml deploy/workspace.yaml /var/lib/dagster/
COPY --chown=crypto:crypto deploy/celery/dagster.yaml /var/lib/dagster-workers/
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CRYPTO_HOME=/var/lib/crypto-assets \
    DAGSTER_HOME=/var/lib/dagster
WORKDIR /app
USER 10001
CMD ["crypto-assets", "--help"]

FROM base AS runs
COPY --from=build-runs /app /app

FROM base AS servers
COPY --from=build-servers /app /app
