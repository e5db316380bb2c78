# syntax=docker/dockerfile:1
# Two images, both without root and with a root file system that may be read-only:
#   docker build --target cpu  -t footage:cpu .     (the default)
#   docker build --target cuda -t footage:cuda .    (needs the NVIDIA Container Toolkit to run)
ARG PYTHON=3.12-slim-trixie

# The wheel: demo models, sample clips and web assets are inside.
FROM python:${PYTHON} AS wheel
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /src
COPY . .
RUN uv build --wheel --out-dir /dist

# One environment for each variant, at the versions of requirements.lock.
FROM wheel AS packages-cpu
RUN uv venv /opt/footage && uv pip install --no-cache --compile-bytecode --python /opt/footage/bin/python \
    --torch-backend cpu --constraints requirements.lock --no-verify-hashes \
    "$(echo /dist/footage-*.whl)[mqtt,otel]"

FROM wheel AS packages-cuda
ARG CUDA=cu130
RUN uv venv /opt/footage && uv pip install --no-cache --compile-bytecode --python /opt/footage/bin/python \
    --torch-backend "${CUDA}" --constraints requirements.lock --no-verify-hashes \
    "$(echo /dist/footage-*.whl)[mqtt,otel,cuda]"

# What both variants run on: FFmpeg's libraries, a user, four folders.
FROM python:${PYTHON} AS runtime
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --home-dir /index --no-create-home --shell /usr/sbin/nologin footage \
    && mkdir --mode 0700 /index /models /run/footage \
    && mkdir --mode 0755 /media/videos \
    && chown footage:footage /index /models /run/footage
# The token file is a place, its content is made at the first start.
# hadolint ignore=DL3064
ENV PATH=/opt/footage/bin:$PATH \
    HOME=/index \
    HF_HOME=/models \
    XDG_RUNTIME_DIR=/run \
    FOOTAGE_DB=/index/index.lancedb \
    FOOTAGE_CACHE_DIR=/tmp/footage-cache \
    FOOTAGE_AUDIT_LOG=/index/audit.jsonl \
    FOOTAGE_TOKEN_FILE=/index/token \
    FOOTAGE_EXPORT_DIR=/index/exports \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /index
VOLUME ["/index", "/models", "/media/videos"]
EXPOSE 8502
# /health needs no token; the service itself answers, no second copy of footage is loaded.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://localhost:8502/health', timeout=4)"]
ENTRYPOINT ["footage"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8502"]

FROM runtime AS cuda
USER 0:0
# Triton compiles its kernels' launchers with a C compiler at run time.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY --from=packages-cuda /opt/footage /opt/footage
ENV TRITON_CACHE_DIR=/index/.triton
USER 10001:10001

FROM runtime AS cpu
COPY --from=packages-cpu /opt/footage /opt/footage
