# One image for API, worker and administration. The source runs from its folder and is never installed: in an environment
# that has another package called `workflows`, ours wins only where the folder comes first.
FROM python:3.12-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    COSIGNET_HTTP_HOST=0.0.0.0 \
    COSIGNET_DATA_DIR=/var/lib/cosignet

WORKDIR /opt/cosignet

# Nothing but what is locked, by hash. First, so that a change of the source does not install it all anew.
COPY requirements/server.lock requirements/server.lock
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r requirements/server.lock

COPY LICENSE NOTICE settings.py worker.py ./
COPY cosignet/ cosignet/
COPY store/ store/
COPY activities/ activities/
COPY workflows/ workflows/
COPY api/ api/
COPY web/ web/
COPY verifiers/ verifiers/

# The service cannot change its own code, and may write to its data alone.
RUN useradd --system --uid 10001 --home-dir /var/lib/cosignet --create-home cosignet
# For the one worker that signs the public log: a volume that is mounted here belongs to it.
RUN install --directory --owner cosignet --mode 700 /var/lib/cosignet-log
USER cosignet
VOLUME /var/lib/cosignet

EXPOSE 8420
CMD ["python", "-m", "api"]
