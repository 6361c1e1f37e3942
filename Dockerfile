# syntax=docker/dockerfile:1
# The worker and the command line. Kafka has an image of its own: docker-compose.yml.

FROM python:3.11-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/ /tmp/requirements/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --require-hashes -r /tmp/requirements/runtime.txt \
    && pip install --require-hashes -r /tmp/requirements/dev.txt
WORKDIR /opt/tollgate
COPY . .
# The program runs from its tree, where config/ and schemas/ lie too; the egg-info beside it carries
# the version and the entry points that Faust looks for.
RUN python -m pipeline.build \
    && python -c 'import setuptools; setuptools.setup()' --quiet egg_info \
    && rm -rf build/mypyc build/objects


FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/tollgate --create-home tollgate
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/tollgate /opt/tollgate
RUN printf '#!/bin/sh\nexec python -m pipeline "$@"\n' > /usr/local/bin/tollgate \
    && chmod 0755 /usr/local/bin/tollgate
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/tollgate \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TOLLGATE_DATA_DIR=/var/lib/tollgate
WORKDIR /opt/tollgate
USER tollgate
VOLUME /var/lib/tollgate
STOPSIGNAL SIGTERM
ENTRYPOINT ["tollgate"]
CMD ["worker"]
