# Built from the project's root: docker build -f functions/migration.Dockerfile .
FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --system --uid 10001 --no-create-home service

# Where the program looks in Lambda too: Amazon RDS User Guide, "Using SSL/TLS to encrypt a connection".
ADD --chmod=444 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /var/runtime/ca-cert.pem

WORKDIR /app
COPY functions/migration-requirements.txt functions/migration-requirements.txt
# Lambda brings boto3 along; here nothing does.
RUN pip install -r functions/migration-requirements.txt boto3
COPY functions/__init__.py functions/migration.py functions/
COPY functions/migrations/ functions/migrations/

USER 10001
# Exec form: SIGTERM reaches the program itself.
CMD ["python", "-m", "functions.migration"]
