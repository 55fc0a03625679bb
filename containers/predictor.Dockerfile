# Serves a model over KServe's V1 and V2, judges challengers where they will serve, and is the quickstart's MLflow server.
# Build from the repository's root: docker build -f containers/predictor.Dockerfile -t modelmedic/predictor:0.1.0 .
ARG PYTHON=python:3.11.14-slim-bookworm
FROM ${PYTHON} AS build
WORKDIR /src
RUN python -m venv /venv
COPY constraints.txt pyproject.toml ./
# What is depended on is a layer of its own: a change of our code does not fetch it again.
RUN touch README.md LICENSE && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt ".[serve]"
COPY README.md LICENSE ./
COPY steps ./steps
COPY workflows ./workflows
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --force-reinstall .

FROM ${PYTHON}
RUN groupadd --gid 65532 modelmedic && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /tmp modelmedic
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
USER 65532:65532
ENTRYPOINT ["python", "-m", "steps.serving"]
