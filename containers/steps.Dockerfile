# Diagnosis, decisions, deployment, triage and the sweep: no pandas, no scikit-learn, no KServe, no training code.
# Build from the repository's root: docker build -f containers/steps.Dockerfile -t modelmedic/steps:0.1.0 . (`make images` builds all)
# The base by digest: `make pin-base` asks the registry for it and writes it here.
ARG PYTHON=python:3.11.14-slim-bookworm
FROM ${PYTHON} AS build
WORKDIR /src
RUN python -m venv /venv
COPY requirements/build.txt requirements/steps.txt pyproject.toml README.md LICENSE ./
# Packages by `make lock`, which names all of them, without the program: this layer changes with the locked versions alone.
# The package that is installed beside them is empty, and says its version.
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r build.txt -r steps.txt && \
    mkdir modelmedic && touch modelmedic/__init__.py && \
    /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . && \
    rm -rf /venv/lib/python3*/site-packages/modelmedic && /venv/bin/pip uninstall -q -y pip setuptools && \
    find /venv -type d \( -name tests -o -name test \) -path '*site-packages*' -prune -exec rm -rf {} +

COPY modelmedic/__init__.py /app/modelmedic/
COPY steps /app/modelmedic/steps
RUN python -m compileall -q --invalidation-mode unchecked-hash /app/modelmedic

FROM ${PYTHON}
# ssh-keygen, by which the steps verify the signatures of approvals.
RUN apt-get update && apt-get install -y --no-install-recommends openssh-client && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 65532 modelmedic && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /tmp modelmedic
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /tmp
USER 65532:65532
ENTRYPOINT ["python", "-m", "modelmedic.steps"]
