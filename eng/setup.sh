#!/usr/bin/env bash
# Makes a Linux machine ready for `dotnet run --project Hello.AppHost` and `dotnet test`: checks the
# .NET SDK, the container engine and the base images, and supplies each one that is missing. It
# changes nothing if all three are there.
set -euo pipefail

usage='usage: eng/setup.sh [--check | --help]

Checks what Hello needs to be built and run, and supplies what is missing.

  --check   only say what is there and what is missing; exit 1 if anything is
  --help    show this'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hello
engine_log=/var/log/hello-dockerd.log
tunnel_base=mcr.microsoft.com/azurelinux/base/core:3.0 # DCP's DefaultBaseImage: its tunnel's image is built from it
label=io.hello.stand-in
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

say() { echo "$*"; }
fail() {
  echo "eng/setup.sh: $*" >&2
  exit 1
}

check_only=''
case ${1-} in
  '') ;;
  --check) check_only=yes ;;
  --help | -h)
    say "$usage"
    exit
    ;;
  *)
    say "eng/setup.sh: unknown option '$1'; eng/setup.sh --help lists them" >&2
    exit 2
    ;;
esac

# Before anything that macOS' bash 3.2 does not know.
if [[ $(uname) != Linux ]]; then
  say 'eng/setup.sh: nothing to do on this system. Install the .NET SDK and Docker Desktop, then run: dotnet run --project Hello.AppHost'
  exit
fi

# Each part has a check_PART, which sets $note and fails if something is to be done, and a
# supply_PART, which does it or ends the script.

# --- The .NET SDK ---

check_sdk() {
  local version
  if version=$(cd "$root" && dotnet --version 2> /dev/null); then
    note=".NET SDK $version"
  else
    note="the .NET SDK that global.json asks for, $(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$root/global.json") or newer: see what dotnet --version says, or install it from https://dotnet.microsoft.com/download"
    return 1
  fi
}

supply_sdk() { fail "missing: $note"; }

# --- The container engine ---

# DCP runs `docker build --progress plain`, which takes a client of 25 or newer and buildx.
client_fits() {
  local version
  version=$(docker version --format '{{.Client.Version}}' 2> /dev/null) || true
  ((${version%%[!0-9]*} + 0 >= 25))
}
buildx_fits() { docker buildx version &> /dev/null; }
engine_answers() { engine_version &> /dev/null; }
# Not from docker info, whose older clients succeed without an engine.
engine_version() { timeout 20 docker version --format '{{.Server.Version}}'; }

check_engine() {
  if ! command -v docker > /dev/null; then
    note='container engine: there is no docker client'
  elif ! client_fits; then
    note="container engine: the docker client at $(command -v docker) is older than 25"
  elif ! buildx_fits; then
    note='container engine: the docker client has no buildx plugin'
  elif ! engine_answers; then
    note="container engine: none answers at ${DOCKER_HOST:-the default address}"
  else
    note="container engine: Docker $(engine_version), $(docker buildx version)"
    return
  fi
  return 1
}

supply_engine() {
  local by_hand='install Docker Engine 25 or newer with buildx, https://docs.docker.com/engine/install/'
  if [[ ${DOCKER_HOST-} ]] && client_fits && buildx_fits; then
    fail "$note: start that engine, or unset DOCKER_HOST"
  elif [[ $(docker version 2>&1) == *'permission denied'* ]]; then
    fail "$note to this user: sudo usermod -aG docker \"\$USER\", then log in again"
  elif [[ $EUID != 0 ]] && command -v dockerd > /dev/null && client_fits && buildx_fits; then
    fail "$note: start it, with sudo systemctl start docker, or run eng/setup.sh once as root"
  elif [[ $EUID != 0 ]]; then
    fail "$note, and to install one takes root: $by_hand, or run eng/setup.sh once as root"
  fi

  command -v dockerd > /dev/null || engine_answers || install_packages docker.io docker-cli docker-buildx
  client_fits || install_client
  buildx_fits || install_buildx
  engine_answers || start_engine
  check_engine || fail "$note: $by_hand"
}

need_apt() { command -v apt-get > /dev/null || fail "$note, and this system has no apt-get to install it with: $by_hand"; }

apt_is_fresh=''

# Those of the packages that this distribution has: Debian 12, for one, has no docker-buildx.
install_packages() {
  need_apt
  local package available=()
  say "installing ${*##*/} ..."
  [[ $apt_is_fresh ]] || apt-get -qq update &> /dev/null < /dev/null || true # a third party's source may be out of reach
  apt_is_fresh=yes
  for package in "$@"; do
    if [[ $package == *.deb ]] || apt-cache show "$package" &> /dev/null; then available+=("$package"); fi
  done
  quietly dpkg --configure -a # mends an installation that was interrupted
  quietly apt-get -qq --yes --no-install-recommends -o DPkg::Lock::Timeout=120 install "${available[@]}"
  hash -r
}

quietly() {
  DEBIAN_FRONTEND=noninteractive "$@" > "$tmp/log" 2>&1 < /dev/null || {
    tail -n 5 "$tmp/log" >&2
    fail "'$*' failed, its last lines are above"
  }
}

# Debian 12's client and (lack of) buildx are too old for DCP; Debian 13's packages run on it, as
# they need only glibc 2.34. Can go once Debian 12 needs no more support.
from_trixie() {
  need_apt
  local mirror
  say "taking $1 from Debian 13 ..."
  # shellcheck disable=SC2016 # apt-get fills $(REPO_URI) in
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 'Component: main' | head -n 1)
  [[ -n $mirror ]] || fail "$note, and this distribution has no package for it: $by_hand"
  mkdir -p "$tmp/trixie/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" > "$tmp/trixie.list"
  # Lists of their own: the machine's sources stay as they are.
  local apt=(apt-get -qq -o Dir::Etc::SourceList="$tmp/trixie.list" -o Dir::Etc::SourceParts=-
    -o Dir::State::Lists="$tmp/trixie" -o APT::Sandbox::User=)
  quietly "${apt[@]}" update
  (cd "$tmp" && quietly "${apt[@]}" download "$1")
}

# Beside the distribution's client, not as a package: it would take the engine's package with it.
install_client() {
  local to=/usr/local/bin/docker
  [[ ! -e $to ]] || fail "$note: remove it, and run eng/setup.sh again"
  from_trixie docker-cli
  dpkg-deb --fsys-tarfile "$tmp"/docker-cli_*.deb | tar --extract --to-stdout ./usr/bin/docker > "$to.new"
  chmod 755 "$to.new"
  mv "$to.new" "$to"
  hash -r
}

install_buildx() {
  install_packages docker-buildx
  if ! buildx_fits; then
    from_trixie docker-buildx
    install_packages "$tmp"/docker-buildx_*.deb
  fi
}

start_engine() {
  say 'starting the container engine ...'
  if [[ -d /run/systemd/system ]]; then # sd_booted(3)
    quietly systemctl start docker
  else
    start_daemon
  fi
}

# Without systemd: in a session of its own, so that it outlives this script, Ctrl+C and a closed
# terminal, and with none of our open files, so that a pipe we write to, or our lock, ends with us.
start_daemon() {
  local daemon fd
  (
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      ((fd <= 2)) || exec {fd}>&-
    done
    exec setsid dockerd < /dev/null &>> "$engine_log"
  ) &
  daemon=$!
  for _ in {1..240}; do
    engine_answers && return
    kill -0 "$daemon" 2> /dev/null || break
    sleep 0.25
  done
  [[ ! -e $engine_log ]] || tail -n 5 "$engine_log" >&2
  fail "the container engine did not start, its last lines are above: see $engine_log"
}

# --- The base images ---

# What the Dockerfiles build on: `FROM ${REGISTRY}/dotnet/sdk:10.0-alpine AS build`.
needed_images() {
  echo "$tunnel_base"
  awk '/^ARG REGISTRY=/ { registry = substr($2, 10) }
       /^FROM .*REGISTRY/ { match($0, /\/[^ ]+/); print registry substr($0, RSTART, RLENGTH) }' \
    "$root"/Dockerfile-* | sort -u
}

# A short look, by client, so that a machine that is cut off does not wait for a pull to give up.
declare -A reached
registry_has() {
  local host=${1%%/*}
  [[ -v reached[$host] ]] || reached[$host]=$(timeout 5 docker buildx imagetools inspect "$1" &> /dev/null && echo yes || echo no)
  [[ ${reached[$host]} == yes ]]
}

check_images() {
  local image labels fingerprint
  to_pull=() to_build=() stand_ins=()
  fingerprint=$("$root/eng/base-images/build.sh" --fingerprint 2> /dev/null) || fingerprint=unknown
  for image in $(needed_images); do
    labels=$(docker image inspect --format "{{index .Config.Labels \"$label\"}} {{index .Config.Labels \"$label.fingerprint\"}}" "$image" 2> /dev/null) || labels=absent
    case $labels in
      "true "*) if registry_has "$image"; then to_pull+=("$image"); else stand_ins+=("$image"); fi ;;
      absent) registry_has "$image" || stand_ins+=("$image") ;;
      *) continue ;; # the real one
    esac
    registry_has "$image" || [[ $labels == "true $fingerprint" ]] || to_build+=("$image")
  done

  if ((${#to_pull[@]} > 0)); then
    note="base images: stand-ins, although their registry can be reached, for ${to_pull[*]}"
  elif ((${#to_build[@]} > 0)); then
    note="base images: neither within reach nor an up-to-date stand-in for ${to_build[*]}"
  elif ((${#stand_ins[@]} > 0)); then
    note="base images: stand-ins for ${stand_ins[*]}"
    return
  else
    note='base images: here, or within reach of docker pull'
    return
  fi
  return 1
}

supply_images() {
  local image stand_in
  for image in ${to_pull[@]+"${to_pull[@]}"}; do
    say "pulling $image ..."
    stand_in=$(docker image inspect --format '{{.Id}}' "$image")
    if docker pull --quiet "$image" > /dev/null; then
      docker image rm "$stand_in" &> /dev/null || true # stays while a container or a child needs it
    else
      stand_ins+=("$image")
    fi
  done
  ((${#to_build[@]} == 0)) || "$root/eng/base-images/build.sh" "${to_build[@]}"
}

# ---

if [[ $check_only ]]; then
  tmp=$(mktemp -d)
else
  mkdir -p "$cache" 2> /dev/null || fail "cannot write to $cache: set XDG_CACHE_HOME to a folder of yours"
  exec 9> "$cache/setup.lock"
  flock --nonblock 9 || { say 'waiting for another eng/setup.sh to end ...'; flock 9; }
  tmp=$(mktemp -d "$cache/setup.XXXXXX") # beside what is made in it, so that it can be renamed into place
fi
trap 'rm -rf "$tmp" /usr/local/bin/docker.new' EXIT
# Bash goes on after a Ctrl+C that a child, such as apt-get or docker, took for its own, unless told not to.
trap 'exit 130' INT
trap 'exit 143' TERM

missing=0
for part in sdk engine images; do
  if "check_$part"; then
    [[ -z $check_only ]] || say "ready:   $note"
  elif [[ $check_only ]]; then
    say "missing: $note"
    missing=1
  else
    "supply_$part"
  fi
done
[[ -z $check_only ]] || exit "$missing"

((${#stand_ins[@]} == 0)) || say "using stand-in base images: ${stand_ins[*]}"
