#!/usr/bin/env bash
# Builds stand-ins for base images from Debian packages and this machine's .NET, under the names of
# the real images. The Dockerfile in this folder lists their contents.
#   build.sh IMAGE...                builds a stand-in for each image
#   build.sh --lay-out DIR IMAGE...  only fetches their files into DIR, for which it needs no engine
#   build.sh --from DIR IMAGE...     builds them from these files
#   build.sh --fingerprint           prints a hash of all inputs; if it changes, the stand-ins are out of date
set -euo pipefail

unset CDPATH # with it, cd prints the folder
export LC_ALL=C # errors in English, which eng/setup.sh prints
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sdk=$(cd "$here" && dotnet --version) # the version that global.json selects
ca_bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
nuget_config=~/.nuget/NuGet/NuGet.Config

# busybox is the shell and its tools. .NET and dcptun_c load the libraries.
core_packages=(busybox-static libc6 libgcc-s1 libssl3 libstdc++6 zlib1g)
# Native AOT needs these: https://aka.ms/nativeaot-prerequisites. For lld, see LinkerFlavor in
# Hello.Api.csproj. binutils has strip and objcopy.
aot_packages=(binutils clang libc6-dev lld zlib1g-dev)

# shellcheck source=eng/base-images/progress.sh
source "$here/progress.sh"

fail() {
  end_steps
  echo "eng/base-images/build.sh: $*" >&2
  exit 1
}

target_of() {
  case $1 in
    */azurelinux/base/core:*) echo core ;;
    */dotnet/aspire-dashboard:*) echo dashboard ;;
    */dotnet/aspnet:*) echo aspnet ;;
    */dotnet/sdk:*-aot) echo sdk-aot ;;
    */dotnet/sdk:*) echo sdk ;;
    *) fail "there is no stand-in for $1. Add a target to eng/base-images/Dockerfile and a line to target_of in build.sh" ;;
  esac
}

fingerprint() {
  { cat "$here"/* "$ca_bundle" /etc/os-release; feeds; echo "$sdk"; grep Aspire.Hosting.AppHost "$here/../../Directory.Packages.props"; } | sha256sum | cut -c 1-16
}

# Prints the NuGet.Config of this machine if it names feeds other than nuget.org. It prints nothing
# if a feed is a folder, which a container cannot read, or if the file has passwords, which must not
# get into an image.
feeds() {
  [[ -f $nuget_config ]] || return 0
  if grep -Ei 'value="http' "$nuget_config" | grep -Fqiv 'key="nuget.org"' &&
    ! grep -Eqi 'credentials|apikeys|value="[./~]' "$nuget_config"; then
    cat "$nuget_config"
  fi
}

# Runs a program of the distribution, whose own tools then come first in PATH. BusyBox's lack options, also those that dpkg-deb needs.
of_distribution() {
  env PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH" "$@"
}

# apt with its own folders. It needs no root and changes nothing on this machine. Only the packages
# that have been unpacked so far count as installed. See apt.conf(5).
private_apt() {
  of_distribution apt-get -qq -o Dir::State::lists="$tmp/lists" -o Dir::State::status="$tmp/status" \
    -o Dir::Cache="$tmp/cache" -o APT::Sandbox::User= "$@" > "$tmp/apt.log" 2>&1 < /dev/null ||
    fail "cannot fetch the Debian packages: '$(grep '^E: ' "$tmp/apt.log" | head -n 1)'. See what is wrong with: apt-get update"
}

# unpack DIR PACKAGE...: unpacks the packages, and their dependencies that are not unpacked yet.
unpack() {
  local root=$context/$1 deb
  private_apt --yes --no-install-recommends --download-only install "${@:2}"
  mkdir -p "$root"/usr/{bin,lib,lib64,sbin}
  for deb in bin lib lib64 sbin; do ln -s "usr/$deb" "$root/$deb"; done # https://wiki.debian.org/UsrMerge
  for deb in "$tmp"/cache/archives/*.deb; do
    of_distribution dpkg-deb --fsys-tarfile "$deb" | of_distribution tar --extract --directory "$root" --keep-directory-symlink --no-same-owner \
      --exclude=./usr/share/{bug,doc,lintian,locale,man} --exclude='*/gconv'
    mark_installed < <(of_distribution dpkg-deb --field "$deb")
    rm "$deb"
  done
}

mark_installed() {
  { cat; printf 'Status: install ok installed\n\n'; } >> "$tmp/status"
}

lay_out_core() {
  unpack core "${core_packages[@]}"
  cd "$context/core"
  mkdir -p etc/ssl/certs root tmp usr/lib/ssl usr/local/bin
  cp "$here/adduser" usr/local/bin/
  # The whole bundle of this machine, because it may have the certificate of a company's proxy.
  cp "$ca_bundle" etc/ssl/certs/ca-certificates.crt
  ln -s /etc/ssl/certs/ca-certificates.crt usr/lib/ssl/cert.pem # Debian's OpenSSL reads this path
  echo root:x:0:0:root:/root:/bin/sh > etc/passwd
  echo root:x:0: > etc/group
}

lay_out_dotnet() {
  cd "$dotnet_root"
  copy_here runtime dotnet host/fxr/"$runtime" shared/Microsoft.{AspNetCore,NETCore}.App/"$runtime"
  copy_here sdk packs sdk/"$sdk" sdk-manifests templates
  # The builds use neither another language than C#, nor translations, nor tools. Without these, the SDK has half the size.
  rm -r "$context"/sdk/sdk/"$sdk"/{DotnetTools,FSharp,TestHostNetFramework}
  # Folders named cs and vb are those of languages, too, but of programming.
  find "$context/sdk" -type d \( -name '??' -o -name pt-BR -o -name 'zh-Han?' \) ! -name cs ! -name vb -prune -exec rm -r {} +
  mkdir "$context/nuget"
  feeds > "$context/nuget/NuGet.Config"
  [[ -s $context/nuget/NuGet.Config ]] || rm "$context/nuget/NuGet.Config"
}

# The AppHost has the dashboard as a NuGet package.
lay_out_dashboard() {
  local app_host=$here/../../Hello.AppHost
  dotnet restore "$app_host" > "$tmp/restore.log" 2>&1 < /dev/null ||
    fail "cannot restore Hello.AppHost: '$(grep ' error ' "$tmp/restore.log" | head -n 1)'. See what is wrong with: dotnet restore Hello.AppHost"
  mkdir "$context/dashboard"
  cp -a "$(dotnet msbuild "$app_host" -getProperty:AspireDashboardDir)". "$context/dashboard"
  chmod +x "$context/dashboard/Aspire.Dashboard" # a NuGet package has no such bits
}

# Copies files into the context, by hard links if possible, because the SDK has about 600 MB.
copy_here() {
  mkdir "$context/$1"
  of_distribution cp -al --parents "${@:2}" "$context/$1" 2> /dev/null || of_distribution cp -a --parents "${@:2}" "$context/$1"
}

build() {
  local image=$1 place=$2 target old log=$tmp/build.log
  target=$(target_of "$image")
  old=$(docker image ls --quiet --no-trunc "$image")
  step "building a stand-in for $image ($place) ..."
  docker build --progress plain --file "$here/Dockerfile" --target "$target" --tag "$image" "${build_args[@]}" \
    --label io.hello.stand-in=true --label io.hello.stand-in.fingerprint="$(fingerprint)" \
    --label org.opencontainers.image.base.name="$image" \
    --label org.opencontainers.image.description="Stand-in for $image, made of Debian packages and the .NET of the machine it was built on" \
    "$context" > "$log" 2>&1 < /dev/null || { tail -n 20 "$log" >&2; fail "docker build of $image failed. Its last lines are above"; }
  [[ -z $old || $old == $(docker image ls --quiet --no-trunc "$image") ]] || docker image rm "$old" > /dev/null 2>&1 || true
}

mode='' context=''
case ${1-} in
  --fingerprint)
    fingerprint
    exit
    ;;
  --lay-out | --from)
    mode=$1 context=$2
    shift 2
    ;;
esac

for image in "$@"; do target_of "$image" > /dev/null; done
command -v apt-get > /dev/null || fail "stand-ins need Debian packages, but this system has no apt-get. On a machine that reaches the \
registry, pull the images and run: docker save --output images.tar $*. Then run here: docker load --input images.tar"
[[ -r $ca_bundle ]] || fail "cannot read the certificates in $ca_bundle. $(
  if [[ ${SSL_CERT_FILE-} ]]; then echo 'Run: unset SSL_CERT_FILE'; else echo 'Run as root: apt-get install ca-certificates'; fi)"
tmp=$(mktemp -d)
trap 'end_steps; rm -rf "$tmp"' EXIT
context=${context:-$tmp/context}
mkdir -p "$context" "$tmp"/lists/partial "$tmp"/cache/archives/partial
# debconf counts as installed. libssl3 depends on it and it depends on Perl, but no package is
# configured in an image, so nothing uses it.
mark_installed << 'END'
Package: debconf
Architecture: all
Version: 9999
Maintainer: none
Description: not there
END

dotnet_root=$(dotnet --list-sdks | sed -n "s|^$sdk \[\(.*\)/sdk\]$|\1|p")
runtime=$(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$dotnet_root/sdk/$sdk/dotnet.runtimeconfig.json")
build_args=(--build-arg "RUNTIME_VERSION=$runtime" --build-arg "SDK_VERSION=$sdk")
if [[ $mode != --from ]]; then
  step "fetching the Debian packages of $# stand-in base images. All of it takes about a minute ..."
  private_apt update
  lay_out_core
  lay_out_dotnet
  [[ "$*" != *-aot* ]] || unpack aot "${aot_packages[@]}"
fi
[[ $mode != --lay-out ]] || exit 0
[[ "$*" != *aspire-dashboard* ]] || lay_out_dashboard
place=0
for image in "$@"; do
  place=$((place + 1))
  build "$image" "$place of $#"
done
