#!/usr/bin/env bash
# Makes a Linux machine ready for `dotnet run --project Hello.AppHost` and `dotnet test`: checks the
# .NET SDK, the container engine and the base images, and supplies each one that is missing. It
# changes nothing if all three are there.
set -euo pipefail

usage='usage: eng/setup.sh [--check | --help]

Checks the .NET SDK, the container engine and the base images, and supplies the missing ones.

  --check   only report what is ready and what is missing; exit 1 if anything is missing
  --help    show this help'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hello
engine_log=/var/log/hello-dockerd.log
tunnel_base=mcr.microsoft.com/azurelinux/base/core:3.0 # DCP's DefaultBaseImage, on which it builds the image of its tunnel
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
    say "eng/setup.sh: unknown option '$1'. List the options with: eng/setup.sh --help" >&2
    exit 2
    ;;
esac

# This comes first, because the rest uses features that macOS' bash 3.2 does not have.
if [[ $(uname) != Linux ]]; then
  say 'eng/setup.sh: nothing to do on this system. Install the .NET SDK and Docker Desktop, then run: dotnet run --project Hello.AppHost'
  exit
fi

# Each part has two functions. check_PART sets $note, and fails if the part is missing. supply_PART
# supplies the part, or ends the script with an error.

# --- The .NET SDK ---

check_sdk() {
  local version
  if version=$(cd "$root" && dotnet --version 2> /dev/null); then
    note=".NET SDK $version"
  else
    note=".NET SDK $(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$root/global.json") or newer, which global.json asks for. See the error of dotnet --version, or install the SDK from https://dotnet.microsoft.com/download"
    return 1
  fi
}

supply_sdk() { fail "missing: $note"; }

# --- The container engine ---

# DCP runs `docker build --progress plain`, which needs a client of version 25 or newer and buildx.
client_fits() {
  local version
  version=$(docker version --format '{{.Client.Version}}' 2> /dev/null) || true
  ((${version%%[!0-9]*} + 0 >= 25))
}
buildx_fits() { docker buildx version &> /dev/null; }
engine_answers() { engine_version &> /dev/null; }
# Not docker info: an older client succeeds with it even if no engine answers.
engine_version() { timeout 20 docker version --format '{{.Server.Version}}'; }

check_engine() {
  if ! command -v docker > /dev/null; then
    note='container engine: no docker client is installed'
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
    fail "$note. Start that engine, or unset DOCKER_HOST"
  elif [[ $(docker version 2>&1) == *'permission denied'* ]]; then
    fail "$note for this user. Run sudo usermod -aG docker \"\$USER\", then log in again"
  elif [[ $EUID != 0 ]] && command -v dockerd > /dev/null && client_fits && buildx_fits; then
    fail "$note. Start it with sudo systemctl start docker, or run eng/setup.sh once as root"
  elif [[ $EUID != 0 ]]; then
    fail "$note, and only root can install one. Run eng/setup.sh once as root, or $by_hand"
  fi

  command -v dockerd > /dev/null || engine_answers || install_packages docker.io docker-cli docker-buildx
  client_fits || install_client
  buildx_fits || install_buildx
  engine_answers || start_engine
  check_engine || fail "$note. To mend it, $by_hand"
}

need_apt() { command -v apt-get > /dev/null || fail "$note, and this system has no apt-get to install it with. To mend it, $by_hand"; }

apt_is_fresh=''

# Installs the packages that this distribution has. For example, Debian 12 has no docker-buildx.
install_packages() {
  need_apt
  local package available=()
  say "installing ${*##*/} ..."
  [[ $apt_is_fresh ]] || apt-get -qq update &> /dev/null < /dev/null || true # one source of several may be out of reach
  apt_is_fresh=yes
  for package in "$@"; do
    if [[ $package == *.deb ]] || apt-cache show "$package" &> /dev/null; then available+=("$package"); fi
  done
  quietly dpkg --configure -a # completes an installation that was interrupted
  quietly apt-get -qq --yes --no-install-recommends -o DPkg::Lock::Timeout=120 install "${available[@]}"
  hash -r
}

quietly() {
  DEBIAN_FRONTEND=noninteractive "$@" > "$tmp/log" 2>&1 < /dev/null || {
    tail -n 5 "$tmp/log" >&2
    fail "'$*' failed. Its last lines are above"
  }
}

# Downloads a package of Debian 13. Debian 12's client is too old for DCP, and it has no buildx.
# Debian 13's packages run on it, because they need only glibc 2.34. Remove this when Debian 12 is
# no longer supported.
from_trixie() {
  need_apt
  local mirror
  say "taking $1 from Debian 13 ..."
  # shellcheck disable=SC2016 # apt-get fills $(REPO_URI) in
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 'Component: main' | head -n 1)
  [[ -n $mirror ]] || fail "$note, and this distribution has no package for it. To mend it, $by_hand"
  mkdir -p "$tmp/trixie/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" > "$tmp/trixie.list"
  # apt uses its own list of sources here. The machine's sources stay as they are.
  local apt=(apt-get -qq -o Dir::Etc::SourceList="$tmp/trixie.list" -o Dir::Etc::SourceParts=-
    -o Dir::State::Lists="$tmp/trixie" -o APT::Sandbox::User=)
  quietly "${apt[@]}" update
  (cd "$tmp" && quietly "${apt[@]}" download "$1")
}

# Copies the client beside the distribution's one. Debian 13's package would replace the engine's package.
install_client() {
  local to=/usr/local/bin/docker
  [[ ! -e $to ]] || fail "$note. Remove it, and run eng/setup.sh again"
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

# Starts the daemon without systemd. It gets its own session, so that it outlives this script, Ctrl+C
# and a closed terminal. It inherits none of this script's open files. Otherwise it would keep the lock
# and the pipe that this script writes to.
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
  fail "the container engine did not start. The last lines of its log, $engine_log, are above"
}

# --- The base images ---

# Prints the base images of the Dockerfiles: `FROM ${REGISTRY}/dotnet/sdk:10.0-alpine AS build`.
needed_images() {
  echo "$tunnel_base"
  awk '/^ARG REGISTRY=/ { registry = substr($2, 10) }
       /^FROM .*REGISTRY/ { match($0, /\/[^ ]+/); print registry substr($0, RSTART, RLENGTH) }' \
    "$root"/Dockerfile-* | sort -u
}

# Asks a registry for at most 5 seconds. On a machine without network, docker pull would wait longer.
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
    note="base images: stand-ins in place of ${to_pull[*]}, although the registry can be reached"
  elif ((${#to_build[@]} > 0)); then
    note="base images: the registry cannot be reached, and there is no up-to-date stand-in for ${to_build[*]}"
  elif ((${#stand_ins[@]} > 0)); then
    note="base images: stand-ins for ${stand_ins[*]}"
    return
  else
    note='base images: on this machine, or docker pull can reach them'
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
      docker image rm "$stand_in" &> /dev/null || true # it stays while a container or another image needs it
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
  mkdir -p "$cache" 2> /dev/null || fail "cannot write to $cache. Set XDG_CACHE_HOME to a folder that you can write to"
  exec 9> "$cache/setup.lock"
  flock --nonblock 9 || { say 'waiting for the end of another eng/setup.sh ...'; flock 9; }
  tmp=$(mktemp -d "$cache/setup.XXXXXX")
fi
trap 'rm -rf "$tmp" /usr/local/bin/docker.new' EXIT
# Without this trap, bash goes on after a Ctrl+C if a child, such as apt-get or docker, handles it.
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
