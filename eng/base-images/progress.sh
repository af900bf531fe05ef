# shellcheck shell=bash
# Says what a script does. eng/setup.sh and build.sh read this file.

[[ -t 1 && ${TERM-dumb} != dumb ]] && in_terminal=yes || in_terminal=''

# Says what is done now. In a terminal, it takes the place of the step before. In a pipe or a file, it is a line.
step() {
  local size
  if [[ $in_terminal ]]; then
    size=$(stty size < /dev/tty 2> /dev/null) || size='24 80'
    printf '\r\e[K%.*s' "$((${size#* } - 1))" "$*"
  else
    echo "$*"
  fi
}

# Removes the step from a terminal.
end_steps() { [[ ! $in_terminal ]] || printf '\r\e[K'; }
