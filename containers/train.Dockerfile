# Runs the training code: the built-in trainer, and a base for an image with your own (`FROM modelmedic/train`, then pip install).
# Build from the repository's root: docker build -f containers/train.Dockerfile -t modelmedic/train:0.1.0 .
ARG PYTHON=python:3.11.14-slim-bookworm
FROM ${PYTHON} AS build
WORKDIR /src
RUN python -m venv /venv
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY steps ./steps
COPY workflows ./workflows
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt ".[s3,registry]"

FROM ${PYTHON}
RUN groupadd --gid 65532 modelmedic && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /tmp modelmedic
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
USER 65532:65532
ENTRYPOINT ["python", "-m", "steps"]
