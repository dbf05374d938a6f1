# The service. BASE is any Debian with Python 3.11 or later; where no registry can be reached,
# "make image" gives the base that images/build.py makes from packages.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS builder
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && apt-get clean && rm -rf /var/lib/apt/lists/*
# Two environments: the service's, and one with pip and the build backend that stays behind.
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/dojo-runner
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY deploy/image/ /locks/
# service-otel.lock: with the extra for traces.
ARG LOCK=service.lock
# pip installs only wheels whose hashes the locks name, so nobody on the way can have changed them. Therefore the
# index's certificate is not checked: behind a proxy that opens TLS the base could not check it.
RUN PIP_TRUSTED_HOST=$(/build/bin/python -c \
        'from pip._internal.models.index import PyPI as i; print(i.netloc, i.file_storage_domain)') \
    && export PIP_TRUSTED_HOST PIP_REQUIRE_HASHES=1 PIP_ONLY_BINARY=:all: \
    && /build/bin/pip install -q --no-deps -r /locks/build.lock \
    && /build/bin/pip --python /opt/dojo-runner/bin/python install -q --no-deps -r "/locks/$LOCK"
COPY pyproject.toml hatch_build.py README.md LICENSE /src/
COPY pool/ /src/pool/
COPY runner/ /src/runner/
RUN /build/bin/pip wheel -q --no-deps --no-build-isolation --no-index -w /wheel /src \
    && /build/bin/pip --python /opt/dojo-runner/bin/python install -q --no-deps --no-index /wheel/*.whl

# The launcher of cells, as images/launcher makes it; its first steps are the same to the word.
FROM ${BASE} AS launcher
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev make \
    && apt-get clean && rm -rf /var/lib/apt/lists/*
RUN apt-get update && apt-get install -y --no-install-recommends zlib1g-dev \
    && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY images/launcher/ /source/
RUN cd /source && gcc @warnings @hardening -o /cells *.c -lz \
    && gcc @warnings @hardening -o /waits waits/waits.c \
    && gcc @warnings @hardening -o /networks networks/networks.c

FROM ${BASE}
# Ruby decides colours, in a container that is made of this same image where the node has no other
# with Ruby: see runner/engine/tool_images.py.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libmagic1 python3 ruby \
    && apt-get clean && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
COPY --from=builder /opt/dojo-runner /opt/dojo-runner
# The same for cells: a volume is filled with the launcher, and the rest is for the trial.
COPY --from=launcher /cells /.dojo/cells
COPY --from=launcher /waits /waits
COPY images/launcher/waits/ /home/sandbox/
# Lends new networks to containers that are started: see runner/engine/network_holders.py.
COPY --from=launcher /networks /networks

# No user of the host has this number. The engine's socket is opened by its group, which is given at the run:
# --group-add "$(stat -c %g /var/run/docker.sock)". A daemon that is started as root (--user root) finds that
# group by itself, and goes on as this same user.
USER 10001:10001
ENV CYBER_DOJO_RUNNER_RUN_AS=10001:10001
WORKDIR /
# The root may be read-only: bytecode was written by pip, and everything else is in memory.
ENV PATH=/opt/dojo-runner/bin:$PATH PYTHONDONTWRITEBYTECODE=1 CYBER_DOJO_RUNNER_HOST=0.0.0.0
EXPOSE 4597
# In a container's first minute every 2 s, so that a start is seen at once; from then on the command
# waits for 8 s before it asks, so that the check costs a fifth. (--start-interval would say the
# same, but needs Docker 25.) It asks for 5 s at most.
HEALTHCHECK --interval=2s --timeout=16s --start-period=60s --retries=3 \
    CMD ["dojo-runner", "health", "--pause-s", "8"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["dojo-runner"]
CMD ["serve"]

# Last, so that a new commit costs no layer but these.
ARG BASE
ARG VERSION=""
ARG COMMIT_SHA=""
ARG CREATED=""
# Where this image's source and its pages are published, if they are.
ARG SOURCE=""
ARG DOCUMENTATION=""
ENV COMMIT_SHA=${COMMIT_SHA}
LABEL org.opencontainers.image.title="dojo-runner" \
      org.opencontainers.image.description="Runs cyber-dojo katas in warm, locked-down containers" \
      org.opencontainers.image.licenses="BSD-2-Clause" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT_SHA}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.documentation="${DOCUMENTATION}" \
      org.opencontainers.image.url="https://cyber-dojo.org" \
      org.opencontainers.image.base.name="${BASE}"
