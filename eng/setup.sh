#!/usr/bin/env bash
# Makes a Linux machine ready for `dotnet run --project Hello.AppHost` and, with --tests, for `dotnet test`: checks
# the .NET SDK, the container engine and the base images, and supplies each one that is missing. It
# changes nothing if all are there.
set -euo pipefail

usage='usage: eng/setup.sh [--tests] [--check | --help]

Checks the .NET SDK, the container engine and the base images, and supplies the missing ones.

  --tests   the same for the tools that only tests need. Without a tool, its tests are skipped
  --check   only report what is ready and what is missing; exit 1 if anything is missing
  --help    show this help'

unset CDPATH # with it, cd prints the folder
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
engine_log=/var/log/hello-dockerd.log
tunnel_base=mcr.microsoft.com/azurelinux/base/core:3.0 # DCP's DefaultBaseImage, on which it builds the image of its tunnel
default_endpoint=unix:///var/run/docker.sock
label=io.hello.stand-in
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
export LC_ALL=C # the errors of other programs are read, and printed, in English
# Each of these makes Docker's client do something else than it is asked for. Hello.Compare/Engine/EngineEnvironment.cs removes the same.
unset DOCKER_BUILDKIT DOCKER_CONTENT_TRUST DOCKER_DEFAULT_PLATFORM BUILDX_BUILDER BUILDKIT_PROGRESS BUILDX_NO_DEFAULT_LOAD

end_steps() { :; } # until progress.sh is read
say() {
  end_steps
  echo "$*"
}
fail() {
  end_steps
  echo "eng/setup.sh: $*" >&2
  exit 1
}

check_only='' parts=(sdk engine images)
for option; do
  case $option in
    --check) check_only=yes ;;
    --tests) parts=(sdk engine images tools) ;;
    --help | -h)
      say "$usage"
      exit
      ;;
    *)
      say "eng/setup.sh: unknown option '$option'. List the options with: eng/setup.sh --help" >&2
      exit 2
      ;;
  esac
done

# This comes first, because the rest uses features that macOS' bash 3.2 does not have.
if [[ $(uname) != Linux ]]; then
  say 'eng/setup.sh: nothing to do on this system. Install the .NET SDK and Docker Desktop, then run: dotnet run --project Hello.AppHost'
  exit
fi

# shellcheck source=eng/base-images/progress.sh
source "$root/eng/base-images/progress.sh"

user=$(id -un 2> /dev/null) || user=$EUID
by_hand='Install Docker Engine 25 or newer with buildx, https://docs.docker.com/engine/install/, for example with: curl -fsSL https://get.docker.com | sh'

# Prints how this user runs a command as root.
as_root() {
  if ((EUID == 0)); then
    echo "Run: $1"
  elif type -P sudo > /dev/null; then
    echo "Run: sudo $1"
  else
    echo "Run as root: $1"
  fi
}

# --- The folders that dotnet and docker write to, as this script does ---

# Prints why the user cannot write to a folder. Fails if there is no reason.
problem_with() {
  if [[ $1 != /* ]]; then
    echo 'is not an absolute path'
  elif [[ ! -d $1 ]]; then
    echo 'is not a folder'
  elif [[ ! -w $1 ]]; then
    echo "cannot be written to by user $user"
  else
    return 1
  fi
}

check_folders() {
  local home folder problem remedy
  remedy_home="Run: export HOME=\"\$(mktemp -d)\""
  home=$(unset HOME && echo ~) # the one of the user's account
  [[ -v HOME ]] || export HOME=$home # as dotnet and docker do
  problem_with "$home" > /dev/null || remedy_home="Run: export HOME=$(printf %q "$home")"
  if [[ -z ${DOTNET_CLI_HOME-} ]] && problem=$(problem_with "$HOME"); then # dotnet prefers DOTNET_CLI_HOME
    fail "the home folder '$HOME' $problem. $remedy_home"
  fi
  if problem=$(problem_with "${TMPDIR:-/tmp}"); then
    if [[ ${TMPDIR-} ]]; then remedy='Run: unset TMPDIR'; else remedy=$(as_root 'install -d -m 1777 /tmp'); fi
    fail "the folder for temporary files, '${TMPDIR:-/tmp}', $problem. $remedy"
  fi

  for folder in "$root"/{artifacts,Hello.*/bin,Hello.*/obj}; do
    if [[ -e $folder && ! -w $folder ]]; then
      if [[ -O $root ]]; then remedy=$(as_root "chown -R $user $(printf %q "$root")"); else remedy="Run: cp -r $(printf %q "$root") ~/hello && cd ~/hello"; fi
      fail "user $user cannot write to $folder, because another user built there. $remedy"
    fi
  done

  cache=$HOME/.cache/hello
  # sudo may keep HOME. Its owner could not write to what root makes there.
  [[ -O $HOME ]] || problem_with "$home" > /dev/null || cache=$home/.cache/hello
  [[ ${XDG_CACHE_HOME-} != /* ]] || cache=$XDG_CACHE_HOME/hello # a relative path is invalid: https://specifications.freedesktop.org/basedir-spec
}

# Each part has two functions. check_PART sets $note, and fails if the part is missing. It then also sets
# $remedy, unless supply_PART can supply the part. supply_PART ends the script with an error if it cannot.
# Nothing supplies an SDK.

# --- The .NET SDK ---

check_sdk() {
  local version wanted
  if version=$(cd "$root" && dotnet --version 2> "$tmp/error"); then
    note=".NET SDK $version"
    return
  fi
  wanted=$(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$root/global.json")
  if ! type -P dotnet > /dev/null; then
    note=".NET SDK $wanted or newer, because there is no dotnet in PATH"
  elif grep -q 'SDK was not found' "$tmp/error"; then
    note=".NET SDK $wanted or newer, because $(type -P dotnet) has none that global.json accepts"
  else
    note=".NET SDK, because $(type -P dotnet) says '$(head -n 1 "$tmp/error")'"
  fi
  # shellcheck disable=SC2016 # the user's shell expands them
  remedy='Install it from https://dotnet.microsoft.com/download, or run: curl -fsSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0'
  # shellcheck disable=SC2016
  remedy+=' && export PATH="$HOME/.dotnet:$PATH"'
  # sudo replaces PATH.
  [[ ! ${SUDO_USER-} ]] || remedy="If $SUDO_USER has one, run: sudo env \"PATH=\$PATH\" eng/setup.sh"
  return 1
}

# --- The container engine ---

# The process with which BusyBox's timeout watches the time lives a second longer, and must not inherit the lock.
for_seconds() { timeout "$@" 9>&-; }

# DCP runs `docker build --progress plain`, which needs a client of version 25 or newer and buildx.
# This asks no engine, so it also works if the client's context does not exist.
client_version() { docker --version 2> /dev/null | head -n 1; }
client_fits() { [[ $(client_version) =~ ^Docker\ version\ ([0-9]+) ]] && ((BASH_REMATCH[1] >= 25)); }
buildx_fits() { docker buildx version &> /dev/null; }
engine_answers() { engine_version &> /dev/null; }
# Prints "28.2.2 Engine containerd runc docker-init". Not docker info: an older client succeeds with it even if no engine answers.
engine_version() { for_seconds 20 docker version --format '{{.Server.Version}}{{range .Server.Components}} {{.Name}}{{end}}'; }

# Whether `docker build` uses the engine's own builder. It ignores what `docker buildx use` selected, unless buildx is its alias.
builder_fits() {
  grep -qs '"builder": *"buildx"' "${DOCKER_CONFIG:-$HOME/.docker}/config.json" || return 0
  for_seconds 20 docker buildx inspect 2> /dev/null | grep -q '^Driver: *docker$'
}

without_passwords() { sed 's|://[^/@]*@|://|g'; }
is_on_this_machine() { [[ $1 =~ ^(unix|fd):// || $1 =~ ^[a-z]+://(localhost|127\.[0-9.]+|\[::1\])(:|/|$) ]]; }

check_engine() {
  local client answer endpoint name named=() config=${DOCKER_CONFIG:-$HOME/.docker} back='docker context use default'
  local runtime=${ASPIRE_CONTAINER_RUNTIME:-${DOTNET_ASPIRE_CONTAINER_RUNTIME-}}
  engine=''
  for name in DOCKER_HOST DOCKER_CONTEXT DOCKER_TLS DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_API_VERSION; do
    [[ -z ${!name-} ]] || named+=("$name")
  done
  [[ ! ${named[*]-} ]] || back="unset ${named[*]}"

  client=$(type -P docker) || client=''
  answer=$(client_version) || true
  note='container engine: '
  if [[ $runtime && $runtime != docker ]]; then
    note+="the environment asks for $runtime, but eng/setup.sh is only for Docker"
    remedy='Leave eng/setup.sh out, or run: unset ASPIRE_CONTAINER_RUNTIME DOTNET_ASPIRE_CONTAINER_RUNTIME'
  elif [[ ! $client && ! $runtime ]] && type -P podman > /dev/null; then
    note+='podman is installed, but eng/setup.sh is only for Docker'
    remedy='Leave eng/setup.sh out, or install Docker beside podman with: ASPIRE_CONTAINER_RUNTIME=docker eng/setup.sh'
  elif [[ ! $client ]]; then
    note+='no docker client is installed'
    remedy_with_packages
  elif [[ $answer != 'Docker version '* ]]; then
    note+="$client is not Docker's client: it says '$answer'"
    remedy="Put Docker's client before it in PATH, or remove it. $(as_root "rm $client")"
    ! [[ $answer == podman* ]] || ! type -P apt-get > /dev/null || remedy=${remedy/"rm $client"/apt-get remove podman-docker}
  elif ! client_fits; then
    note+="the docker client at $client is older than 25"
    # install_client puts a newer one only before the distribution's.
    if [[ $client =~ ^(/usr)?/bin/docker$ ]]; then remedy_with_packages; else remedy="$(as_root "rm $client"), then run eng/setup.sh again"; fi
  elif [[ -e $config && ! -x $config || -e $config/config.json && ! -r $config/config.json ]]; then
    note+="user $user cannot read $config, where the docker client has its configuration"
    remedy=$(as_root "chown -R $user $(printf %q "$config")")
  elif ! endpoint=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2> "$tmp/error" | without_passwords); then
    note+="the docker client says '$(tail -n 1 "$tmp/error" | without_passwords)'"
    remedy="Run: $back"
  elif ! is_on_this_machine "$endpoint"; then
    note+="the docker client uses $endpoint, but Aspire needs an engine on this machine"
    remedy="Run: $back"
  elif ! buildx_fits; then
    note+='the docker client has no buildx plugin'
    remedy_with_packages
  elif ! engine=$(engine_version 2> "$tmp/error"); then
    remedy_engine
  elif [[ $engine == *[Pp]odman* ]]; then
    note+="podman answers at $endpoint, but eng/setup.sh is only for Docker"
    remedy="Run: $back"
    [[ ${named[*]-} || $endpoint != "$default_endpoint" ]] || remedy="$(as_root 'systemctl disable --now podman.socket'), then run eng/setup.sh again"
  elif ! builder_fits; then
    note+="docker build uses the builder that docker buildx use selected, not the engine's own, so the engine would not get the images"
    remedy='Run: docker buildx uninstall'
  else
    note+="Docker ${engine%% *}, $(docker buildx version)"
    return
  fi
  engine=''
  return 1
}

# The remedy is to install packages. Names who can do it, unless this script can.
remedy_with_packages() {
  if ! type -P apt-get > /dev/null; then
    remedy="There is no apt-get to install it with. $by_hand"
  elif ((EUID != 0)); then
    remedy="Only root can install it. $(as_root "env \"PATH=\$PATH\" eng/setup.sh${parts[3]+ --tests}")"
  fi
}

# The same for an engine that does not answer. Uses the variables of check_engine.
remedy_engine() {
  local error
  error=$(tail -n 1 "$tmp/error" | without_passwords)
  case $error in
    *'permission denied'*) note+="user $user may not use the engine at $endpoint" ;;
    '' | 'Cannot connect'*) note+="none answers at $endpoint" ;;
    *) note+="the docker client says '$error'" ;;
  esac
  if [[ ${named[*]-} || $endpoint != "$default_endpoint" ]]; then
    remedy="Start that engine, or run: $back"
    [[ $error != *'permission denied'* ]] || remedy="Run: $back"
  elif [[ $error == *'permission denied'* ]] && ((EUID != 0)); then
    if [[ " $(id -Gn "$user" 2> /dev/null) " == *' docker '* ]]; then
      remedy='The user is in the group docker, but was not at this login. Run: newgrp docker'
    else
      remedy="$(as_root "usermod -aG docker $user"), then log in again"
    fi
  elif ((EUID != 0)) && [[ -d /run/systemd/system ]] && type -P dockerd > /dev/null; then
    remedy=$(as_root 'systemctl start docker')
  elif ((EUID != 0)) || ! type -P dockerd > /dev/null; then
    remedy_with_packages
  fi
}

supply_engine() {
  step 'supplying the container engine, which takes about a minute ...'
  if ! type -P dockerd > /dev/null && ! engine_answers; then
    prepare_stand_ins
    install_packages docker.io docker-cli docker-buildx
  fi
  client_fits || install_client
  buildx_fits || install_plugin buildx docker-buildx docker-buildx
  engine_answers || start_engine
  check_engine || fail "$note. ${remedy:-$by_hand}"
}

need_apt() { type -P apt-get > /dev/null || fail "$note. There is no apt-get to install it with. $by_hand"; }

apt_is_fresh=''
refresh_apt() {
  [[ $apt_is_fresh ]] || apt-get -qq update &> /dev/null < /dev/null || true # one source of several may be out of reach
  apt_is_fresh=yes
}

# Installs the packages that this distribution has. For example, Debian 12 has no docker-buildx.
install_packages() {
  need_apt
  local package available=()
  step "installing ${*##*/} ..."
  refresh_apt
  for package in "$@"; do
    if [[ $package == *.deb ]] || apt-cache show "$package" &> /dev/null; then available+=("$package"); fi
  done
  ((${#available[@]} > 0)) || return 0
  quietly dpkg --configure -a # completes an installation that was interrupted
  quietly apt-get -qq --yes --no-install-recommends -o DPkg::Lock::Timeout=120 install "${available[@]}"
  hash -r
}

# Runs a program of the distribution, whose own tools come first in PATH: dpkg does not work with BusyBox's tar.
# The daemons that a package starts must not inherit the lock.
quietly() {
  env DEBIAN_FRONTEND=noninteractive PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH" "$(type -P "$1")" "${@:2}" > "$tmp/log" 2>&1 < /dev/null 9>&- || {
    tail -n 5 "$tmp/log" >&2
    fail "'$*' failed. Its last lines are above"
  }
}

# Downloads a package of Debian 13. Debian 12's client is too old for DCP, and it has neither buildx nor compose 2.
# Debian 13's packages run on it, because they need only glibc 2.34. Remove this when Debian 12 is
# no longer supported.
from_trixie() {
  need_apt
  local mirror
  step "taking $1 from Debian 13 ..."
  # shellcheck disable=SC2016 # apt-get fills $(REPO_URI) in
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 'Component: main' | head -n 1)
  [[ -n $mirror ]] || fail "$note, and this distribution has no package for it. $by_hand"
  # apt uses its own list of sources here. The machine's sources stay as they are.
  local apt=(apt-get -qq -o Dir::Etc::SourceList="$tmp/trixie.list" -o Dir::Etc::SourceParts=-
    -o Dir::State::Lists="$tmp/trixie" -o APT::Sandbox::User=)
  if [[ ! -e $tmp/trixie.list ]]; then
    mkdir -p "$tmp/trixie/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" > "$tmp/trixie.list"
    quietly "${apt[@]}" update
  fi
  (cd "$tmp" && quietly "${apt[@]}" download "$1")
}

# Copies the client beside the distribution's one. Debian 13's package would replace the engine's package.
install_client() {
  local to=/usr/local/bin/docker
  [[ ! -e $to ]] || fail "$note, but there is another at $to. Run: export PATH=/usr/local/bin:\$PATH"
  from_trixie docker-cli
  new_client=$(mktemp "$to.XXXXXX")
  dpkg-deb --fsys-tarfile "$tmp"/docker-cli_*.deb | tar -x -O ./usr/bin/docker > "$new_client"
  chmod 755 "$new_client"
  mv "$new_client" "$to"
  hash -r
}

# install_plugin PLUGIN PACKAGE DEBIAN_PACKAGE: takes the package that Ubuntu has, else Debian 13's.
install_plugin() {
  install_packages "$2"
  if ! docker "$1" version &> /dev/null; then
    from_trixie "$3"
    install_packages "$tmp/$3"_*.deb
  fi
}

start_engine() {
  step 'starting the container engine ...'
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
  [[ ! -e $root/deploy/compose.yaml ]] || sed -n 's/^ *image: \(mcr\..*\)/\1/p' "$root/deploy/compose.yaml"
}

# Asks the registry of an image. docker build gets its credentials as buildx does, so buildx is asked first. The engine may have a
# proxy or a mirror that the client has not, so it is asked, too, for a tag that does not exist: only a registry can say
# that, and nothing is pulled.
declare -A reached
registry_has() {
  local host=${1%%/*}
  if [[ ! -v reached[$host] ]]; then
    [[ $check_only || ! $in_terminal ]] || step "asking $host ..."
    reached[$host]=yes
    answers "$host" buildx imagetools inspect "$1" || answers "$host" pull "${1%:*}:no-such-tag" || reached[$host]=no
  fi
  [[ ${reached[$host]} == yes ]]
}

# answers REGISTRY ARGUMENT...: whether the registry answers a command of docker. If it keeps the images from this user, sets $refused
# and $remedy. A slow registry needs seconds for each request. One that hangs would keep docker waiting for minutes.
answers() {
  local said
  said=$(for_seconds 30 docker "${@:2}" 2>&1) && return
  case $said in
    *'manifest unknown'* | *': not found'*) ;;
    *'error getting credentials'*)
      refused="the docker client cannot get credentials for $1: '${said##*error getting credentials - err: }'"
      remedy="Remove credsStore from ${DOCKER_CONFIG:-$HOME/.docker}/config.json, or run: export DOCKER_CONFIG=\$(mktemp -d)"
      ;;
    *'authorization failed'* | *unauthorized* | *'401 Unauthorized'* | *'no basic auth credentials'*)
      refused="$1 asks for a login"
      remedy="Run: docker login $1"
      ;;
    *) return 1 ;;
  esac
}

check_images() {
  local image labels fingerprint
  to_pull=() to_build=() stand_ins=() refused=''
  if [[ ! $engine ]]; then
    note='base images: unknown without a container engine'
    return 1
  fi
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

  if [[ $refused ]]; then
    note="base images: $refused"
  elif ((${#to_pull[@]} > 0)); then
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

# The files of stand-ins are fetched while the engine is installed. Whether a registry is there is asked without docker, which is not.
laying_out=''
prepare_stand_ins() {
  local images
  images=$(needed_images)
  ! for_seconds 5 bash -c ": < /dev/tcp/${images%%/*}/443" 2> /dev/null || return 0
  # shellcheck disable=SC2086 # one word an image
  "$root/eng/base-images/build.sh" --lay-out "$tmp/context" $images > /dev/null 2>&1 9>&- &
  laying_out=$!
  background+=("$laying_out")
}

supply_images() {
  local image stand_in taken=() others=() dashboard=()
  for image in ${to_pull[@]+"${to_pull[@]}"}; do
    step "pulling $image ..."
    stand_in=$(docker image inspect --format '{{.Id}}' "$image")
    if for_seconds 3600 docker pull --quiet "$image" > /dev/null 2> "$tmp/error"; then
      taken+=("$image")
      docker image rm "$stand_in" &> /dev/null || true # it stays while a container or another image needs it
    else
      stand_ins+=("$image")
      say "going on with the stand-in for $image, because docker pull failed: $(tail -n 1 "$tmp/error")"
    fi
  done
  ((${#taken[@]} == 0)) || say "took from the registry, in place of stand-ins: ${taken[*]}"
  ((${#to_build[@]} > 0)) || return 0
  build_app_host
  if [[ ! $laying_out ]] || ! wait "$laying_out"; then
    rm -rf "$tmp/context"
    "$root/eng/base-images/build.sh" --lay-out "$tmp/context" "${to_build[@]}"
  fi
  for image in "${to_build[@]}"; do
    if [[ $image == *aspire-dashboard* ]]; then dashboard+=("$image"); else others+=("$image"); fi
  done
  ((${#others[@]} == 0)) || "$root/eng/base-images/build.sh" --from "$tmp/context" "${others[@]}"
  # The dashboard comes with the packages of the AppHost.
  [[ ! $building ]] || wait "$building" || true # if it fails, the next line says why
  ((${#dashboard[@]} == 0)) || "$root/eng/base-images/build.sh" --from "$tmp/context" "${dashboard[@]}"
}

# Builds the AppHost for the first run while the stand-ins are built. Not as root for another user, who could not write there.
building=''
build_app_host() {
  [[ -O $root && ! -e $root/Hello.AppHost/obj/project.assets.json ]] || return 0
  # The compiler's servers would stay in memory.
  dotnet build "$root/Hello.AppHost" --disable-build-servers > /dev/null 2>&1 < /dev/null 9>&- &
  building=$!
  background+=("$building")
}

# --- The tools that only tests need ---

# The names are those of Debian's packages.
test_tools=(docker-compose chromium docker-registry podman catatonit runc clang lld gcc-aarch64-linux-gnu libc6-dev-arm64-cross
  qemu-user-static binfmt-support jq curl)

has() { PATH=$PATH:/usr/sbin:/sbin type -P "$1"; } > /dev/null # Debian keeps some where only root has them in PATH

has_tool() {
  case $1 in
    docker-compose) docker compose version &> /dev/null ;;
    chromium) has chromium || has chromium-browser || has google-chrome ;;
    lld) has ld.lld ;;
    gcc-aarch64-linux-gnu) has aarch64-linux-gnu-gcc ;;
    libc6-dev-arm64-cross) [[ $(aarch64-linux-gnu-gcc -print-file-name=libc.a 2> /dev/null) == /* ]] ;; # a relative path if there is none
    qemu-user-static) has qemu-aarch64-static || [[ $(uname -m) == aarch64 ]] ;;
    binfmt-support) grep -qsx enabled /proc/sys/fs/binfmt_misc/qemu-aarch64 || [[ $(uname -m) == aarch64 ]] ;;
    *) has "$1" ;;
  esac
}

check_tools() {
  local tool by_hand='Tests that need one of them are skipped'
  missing_tools=()
  for tool in "${test_tools[@]}"; do
    has_tool "$tool" || missing_tools+=("$tool")
  done
  note="tools of the tests: ${missing_tools[*]-all}"
  ((${#missing_tools[@]} > 0)) || return 0
  remedy_with_packages
  return 1
}

# A tool that cannot be had is no error.
supply_tools() {
  local tool
  refresh_apt
  for tool in "${missing_tools[@]}"; do
    (supply_tool "$tool") 2> "$tmp/why" || say "going on without $tool for the tests: $(tail -n 2 "$tmp/why" | sed '1s|^eng/setup.sh: ||;q')"
  done
}

supply_tool() {
  case $1 in
    docker-compose) install_plugin compose docker-compose-v2 docker-compose ;;
    docker-registry)
      install_packages docker-registry
      if has docker-registry; then # the tests start their own. This one listens on every address
        (quietly service docker-registry stop) 2> /dev/null || true # it may not have started
        quietly update-rc.d docker-registry disable
      fi
      ;;
    binfmt-support) # its service does the rest, where systemd or init starts it
      install_packages binfmt-support
      [[ -e /proc/sys/fs/binfmt_misc/register ]] || quietly mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
      has_tool "$1" || quietly update-binfmts --enable qemu-aarch64
      ;;
    *) install_packages "$1" ;;
  esac
  has_tool "$1" || fail 'this distribution has no such package'
}

# ---

check_folders
tmp='' new_client='' stand_ins=() background=()
tidy() {
  end_steps
  ((${#background[@]} == 0)) || { kill "${background[@]}" 2> /dev/null; wait "${background[@]}"; } || true # not the daemon, which goes on
  [[ ! $tmp ]] || rm -rf "$tmp" "$new_client"
}
trap tidy EXIT
# Without this trap, bash goes on after a Ctrl+C if a child, such as apt-get or docker, handles it.
trap 'exit 130' INT
trap 'exit 143' TERM
if [[ $check_only ]]; then
  tmp=$(mktemp -d)
else
  if ! { mkdir -p "$cache" && exec 9> "$cache/setup.lock" && tmp=$(mktemp -d "$cache/setup.XXXXXX"); } 2> /dev/null; then
    remedy=$remedy_home
    if [[ ${XDG_CACHE_HOME-} == /* ]]; then
      remedy='Run: unset XDG_CACHE_HOME'
    elif [[ -d ${cache%/*} ]]; then # as after sudo with the same HOME
      remedy=$(as_root "chown -R $user $(printf %q "${cache%/*}")")
    fi
    fail "user $user cannot write to $cache. $remedy"
  fi
  flock -n 9 || { step 'waiting for the end of another eng/setup.sh ...'; flock 9; }
fi

missing=0
for part in "${parts[@]}"; do
  remedy=''
  if "check_$part"; then
    [[ -z $check_only ]] || say "ready:   $note"
  elif [[ $check_only ]]; then
    say "missing: $note${remedy:+. $remedy}"
    missing=1
  elif [[ $part == tools && $remedy ]]; then
    say "going on without $note. $remedy"
  elif [[ $remedy ]]; then
    fail "$note. $remedy"
  else
    "supply_$part"
  fi
done
[[ -z $check_only ]] || exit "$missing"

((${#stand_ins[@]} == 0)) || say "using stand-in base images: ${stand_ins[*]}"
