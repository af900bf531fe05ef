#!/usr/bin/env bash
# Runs a command while eight clients send requests to an address, each request over a connection of its own. Prints how many
# requests were sent and how many were lost: they had no answer, or an answer with another status than 200.
# Ends with the command's exit code. If that is 0 and a request was lost, ends with 1.
set -euo pipefail

if (($# < 2)); then
  echo 'usage: eng/under-load.sh URL COMMAND [ARGUMENT...]' >&2
  exit 2
fi

url=$1
folder=$(mktemp -d)
trap 'touch "$folder/stop"; wait; rm -rf "$folder"' EXIT

# Writes the status of each request. It is 000 if there is no answer. curl then writes the reason to standard error.
client() {
  until [[ -e $folder/stop ]]; do
    curl --silent --show-error --max-time 5 --output /dev/null --write-out '%{http_code}\n' "$url" || true
    sleep 0.05 # a closed connection keeps its port for a minute, and a machine has 28,000 of them
  done > "$1"
}

for i in {1..8}; do
  client "$folder/$i" &
done

result=0
"${@:2}" || result=$?
touch "$folder/stop"
wait

awk '$1 != 200 { lost++ } END { printf "%d requests, %d lost\n", NR, lost; exit lost > 0 || NR == 0 }' "$folder"/[1-8] || ((result)) || result=1
exit "$result"
