# One image, two environments side by side: /opt/airflow and /opt/vintage, the pipeline. Their pins exclude each other.
# Which pinned files they are made of, docker/scale.yaml says otherwise.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm
FROM ${PYTHON_IMAGE} AS environments
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore UV_NO_CACHE=1
WORKDIR /build
ARG AIRFLOW=requirements-airflow.txt PIPELINE=requirements.txt
COPY requirements-dev.txt ${AIRFLOW} ./
RUN awk '/^[^ ]/ {ours = /^uv(-build)?==/} ours' requirements-dev.txt > uv.txt \
 && pip install --quiet --require-hashes --requirement uv.txt
RUN python -m venv --without-pip /opt/airflow \
 && uv pip sync --quiet --compile-bytecode --python /opt/airflow/bin/python ${AIRFLOW}
COPY ${PIPELINE} ./
RUN python -m venv --without-pip /opt/vintage \
 && uv pip sync --quiet --compile-bytecode --python /opt/vintage/bin/python ${PIPELINE} \
 && echo /opt/app > /opt/vintage/lib/python3.12/site-packages/vintage.pth
# Tests that packages ship are never imported.
RUN find /opt/airflow /opt/vintage -type d -name tests -path '*/site-packages/*' -prune -exec rm -rf {} +

FROM environments AS code
COPY pyproject.toml README.md LICENSE ./
COPY flows flows
COPY serving serving
COPY simulator simulator
COPY tasks tasks
RUN uv pip install --quiet --no-deps --no-build-isolation --compile-bytecode --target /opt/app .

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 1000 vintage \
 && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin vintage \
 && install -d -o vintage -g vintage /vintage /vintage/logs
COPY --from=environments /opt/airflow /opt/airflow
COPY --from=environments /opt/vintage /opt/vintage
COPY --from=code /opt/app /opt/app
COPY governance /opt/app/governance
COPY airflow_dags /opt/airflow_dags
COPY docker /opt/bin
# Not every way of unpacking a zip keeps the right to execute.
RUN chmod +x /opt/bin/*
ENV PATH=/opt/bin:$PATH PYTHONUNBUFFERED=1 HOME=/tmp USER=vintage
WORKDIR /vintage
USER vintage
