#!/bin/bash
# Record docs/how-to/shop.json anew: the engine that DOCKER_HOST names gets the project of
# docs/how-to/shop.yaml, a one-off run of its service, and a second project with a service
# of the same name. What it tells is recorded from its host, and nothing written by hand.
#
#   DOCKER_HOST=unix:///... record-shop.sh docs/how-to/shop.json
#
# It runs on the engine's host, from the project's root, where the engine has nothing else.
set -eu
compose=${COMPOSE:-docker-compose}

shop() { "$compose" -p shop -f docs/how-to/shop.yaml "$@"; }

blog() {
    "$compose" -p blog -f - "$@" <<'YAML'
services:
  web:
    image: busybox
    command: httpd -f
    ports: ["8090:80"]
YAML
}

shop up -d
shop run -d --no-deps web sleep 1000
blog up -d
"${PYTHON:-python3}" -m dockernet snapshot "$1"
blog down -t 1
shop down -t 1 --remove-orphans
