# One image for every command: `kizashi` is what starts, and its first argument picks the service.
# Bases are those of deploy/images.yaml. OPERATIONS.md 2.

FROM astral/uv:0.13.9 AS uv

FROM python:3.13-slim-trixie AS build
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1
WORKDIR /src

# What others wrote changes seldom: a layer of its own, by hashes alone.
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=requirements-image.lock,target=requirements-image.lock \
    uv venv --python python3 /app/.venv \
    && uv pip sync --python /app/.venv --require-hashes requirements-image.lock

# What is ours, as the wheel that a release is. What builds it comes by hashes too.
COPY pyproject.toml README.md ./
COPY libs libs
COPY services services
COPY docs/runbooks docs/runbooks
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=requirements.lock,target=requirements.lock \
    uv build --wheel --python python3 --require-hashes --build-constraints requirements.lock --out-dir /dist \
    && uv pip install --python /app/.venv --no-deps --no-index --find-links /dist kizashi

# What is inside, told by a tool that stays behind.
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=requirements.lock,target=requirements.lock \
    uv venv --python python3 /sbom \
    && uv pip install --python /sbom --constraints requirements.lock cyclonedx-bom \
    && /sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
       --output-reproducible --of JSON -o /app/sbom.cdx.json /app/.venv

FROM python:3.13-slim-trixie
COPY --from=build /app /app
# A place that a volume can take over: what is mounted here belongs to who runs.
RUN install -d -o 10001 -g 10001 /var/lib/kizashi /var/lib/kizashi/demo
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=unknown
ARG BASE_DIGEST=unknown
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 KIZASHI_COMMIT=$REVISION
LABEL org.opencontainers.image.title="kizashi" \
      org.opencontainers.image.description="Event-driven customer health for B2B SaaS" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="python:3.13-slim-trixie" \
      org.opencontainers.image.base.digest="$BASE_DIGEST"
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["kizashi"]
