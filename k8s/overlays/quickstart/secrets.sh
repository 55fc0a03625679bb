#!/usr/bin/env bash
# Makes the quickstart's Secrets in the cluster, with random values: one key for the S3 server, a token for the webhook.
# Usage: secrets.sh [NAMESPACE]; a Secret that is there already is left as it is.
set -euo pipefail
NAMESPACE=${1:-modelmedic}

secret() { # NAME KEY=VALUE…
  local name=$1
  shift
  kubectl -n "$NAMESPACE" get secret "$name" >/dev/null 2>&1 && return
  kubectl -n "$NAMESPACE" create secret generic "$name" "${@/#/--from-literal=}"
}

kubectl get namespace "$NAMESPACE" >/dev/null 2>&1 || kubectl create namespace "$NAMESPACE"
access=$(openssl rand -hex 8) secret_key=$(openssl rand -hex 20)
secret object-store "access-key=$access" "secret-key=$secret_key"
access=$(kubectl -n "$NAMESPACE" get secret object-store -o jsonpath='{.data.access-key}' | base64 -d)
secret_key=$(kubectl -n "$NAMESPACE" get secret object-store -o jsonpath='{.data.secret-key}' | base64 -d)
credentials=$(printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$access" "$secret_key")
for class in observe train validate deploy triage; do # one key for all: the quickstart shows the loop, not the separation
  secret "modelmedic-store-$class" "credentials=$credentials"
done
secret modelmedic-store-predictor "AWS_ACCESS_KEY_ID=$access" "AWS_SECRET_ACCESS_KEY=$secret_key"
kubectl -n "$NAMESPACE" annotate --overwrite secret modelmedic-store-predictor >/dev/null \
  serving.kserve.io/s3-endpoint=object-store.$NAMESPACE:9000 serving.kserve.io/s3-usehttps=0 serving.kserve.io/s3-region=us-east-1
secret modelmedic-artifacts "accessKey=$access" "secretKey=$secret_key"
secret modelmedic-webhook "token=$(openssl rand -hex 24)" "changes-token=$(openssl rand -hex 24)"
