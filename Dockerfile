# syntax=docker/dockerfile:1
# Two stages: one compiles, one runs. Models and index live on the volume /data, fetched and built at the first start.
#   docker build -t career-rag .
#   docker run -p 8000:8000 -v career-data:/data career-rag
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
# Address of an index that offers torch without CUDA; empty takes what pip's own index has.
ARG TORCH_INDEX=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 VENV=/opt/career
RUN python -m venv $VENV && $VENV/bin/python -m pip install 'pip>=25.1'
WORKDIR /src
# What takes long and changes seldom comes first, so that Docker can keep it.
COPY service/__init__.py service/__init__.py
COPY service/llm/__init__.py service/llm/native.py service/llm/kernels.py service/llm/kernels_check.py service/llm/
COPY service/llm/cpp service/llm/cpp
RUN $VENV/bin/python -m service.llm.native torch --index "$TORCH_INDEX"
# This image travels: llama.cpp for any x86-64 with AVX2 (or any Arm), not for the machine that builds it.
RUN $VENV/bin/python -m service.llm.native install --portable
COPY pyproject.toml README.md LICENSE ./
COPY indexes indexes
COPY ingest ingest
COPY service service
COPY seeds seeds
# Not editable: the package with its seeds, pages and pins is all that the second stage needs.
RUN $VENV/bin/python -m pip install '.[hub]'

FROM python:${PYTHON}-slim-bookworm
# OpenMP of the compiled llama.cpp and of FAISS.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 career \
    && install -d -o career -g career /data
COPY --from=build /opt/career /opt/career
ENV PATH=/opt/career/bin:$PATH CAREER_HOME=/data PYTHONUNBUFFERED=1
USER career
VOLUME /data
EXPOSE 8000
# The first start fetches 2.3 GB and builds the index before it answers.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15m --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
# A container's own loopback is nobody's: it listens on all its addresses, and `docker run -p` decides who may reach it.
CMD ["career", "up", "--host", "0.0.0.0", "--port", "8000"]
