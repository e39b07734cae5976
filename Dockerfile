# The image of all crypto-assets services; docker-compose.yml sets the command of each.

FROM python:3.12-slim AS build
WORKDIR /app
RUN python -m venv .venv
COPY requirements.lock ./
RUN --mount=type=cache,target=/var/cache/pip \
    .venv/bin/pip install --quiet --cache-dir /var/cache/pip --require-hashes --only-binary :all: -r requirements.lock
COPY . .
# Editable, because the settings look for project files next to the package.
RUN .venv/bin/pip install --quiet --no-deps --no-build-isolation --editable .

FROM python:3.12-slim
RUN useradd --uid 10001 --create-home crypto \
    && install -d -o crypto -g crypto /var/lib/crypto-assets /var/lib/dagster
COPY --from=build /app /app
COPY --chown=crypto:crypto deploy/dagster.yaml deploy/workspace.yaml /var/lib/dagster/
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CRYPTO_HOME=/var/lib/crypto-assets \
    DAGSTER_HOME=/var/lib/dagster
WORKDIR /app
USER 10001
CMD ["crypto-assets", "--help"]
