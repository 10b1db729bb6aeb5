#!/bin/bash
# Record dockernet/_cli/story.json anew: the engine that DOCKER_HOST names gets the
# containers of the tour, what it tells is recorded from its host, and what the linked
# container sees is recorded from inside. Nothing in the recording is written by hand.
#
#   DOCKER_HOST=unix:///... record-story.sh [IMAGE] >dockernet/_cli/story.json
#
# It runs on the engine's host, from the project's root. The engine has IPv6 on its
# default bridge and nothing else on it. IMAGE (busybox) has sh, sleep, nc and httpd.
set -eu
image=${1:-busybox}
inside=$(mktemp -d)
trap 'rm -rf "$inside"' EXIT

start() { # NAME PORT [FLAGS of docker run]: it says its name there, and over HTTP
    local name=$1 port=$2
    shift 2
    docker run -d --init --name "$name" "$@" "$image" sh -c "
        mkdir /tmp/$name
        echo $name >/tmp/$name/index.html
        httpd -h /tmp/$name -p 80 || true
        while :; do echo $name | nc -l -p $port; done" >/dev/null
}

copy() { # FILE: as the linked container sees it
    mkdir -p "$inside/$(dirname "$1")"
    docker exec client cat "/$1" >"$inside/$1" || true
}

docker network create shop >/dev/null
start net1 22 --expose 22 --expose 80
start net2 22 --expose 22 -p 8080:80
start net3 22 -p 22 -p 80
start web 22 --expose 22 --expose 80
start client 22 --link web:dedoimedo
start metrics 9100 --network host
start db 5432 --network shop -p 127.0.0.1:5432:5432
start api 8000 --network shop

for file in proc/self/{cgroup,mountinfo} proc/net/{route,ipv6_route,fib_trie,if_inet6} \
    proc/sys/kernel/hostname etc/{hosts,resolv.conf}; do
    copy $file
done
touch "$inside/.dockerenv"
docker exec client env >"$inside/environ"

"${PYTHON:-python3}" - "$inside" <<'PYTHON'
import json
import sys
from pathlib import Path

from dockernet import Engine
from dockernet.sources.vantage import read_vantage

folder = Path(sys.argv[1])
environ = dict(line.split("=", 1) for line in (folder / "environ").read_text().splitlines())
recorded, seen = folder / "recorded.json", folder / "seen.json"
with Engine() as engine:
    engine.snapshot().save(recorded)
    engine.snapshot(read_vantage(folder, environ)).save(seen)
document = json.loads(recorded.read_text())
document["client"] = {
    "vantage": json.loads(seen.read_text())["vantage"],
    "environ": {name: environ[name] for name in environ if name.startswith("DEDOIMEDO_")},
    "hosts": (folder / "etc/hosts").read_text(),
}
json.dump(document, sys.stdout, indent=1, sort_keys=True)
print()
PYTHON
