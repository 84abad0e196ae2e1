#!/bin/sh
# An init script's life, in a mount namespace whose /run is its own. What each step ends
# with is printed.
# OTHER is the number of another process of the same program.
# usage: unshare --mount sysv.sh SCRIPT NAME OTHER READY [without]
set -u
script=$1 name=$2 of_the_program=$3 ready=$4
mount --make-rprivate /
mount -t tmpfs none /run
mkdir -p /run/lock/subsys
[ "${5-}" != without ] || mount --bind /dev/null "$(command -v start-stop-daemon)"

step() {
    output=$(env HOME=/nowhere WINDLASS_LOG_FILE=/nowhere/log dash "$script" "$1" 2>&1)
    echo "$1: $? $output" | sed "s/process [0-9]*/process N/"
}
healthy() {
    if curl -sf "$(cat "$ready")/healthz" >/dev/null; then echo healthy; else echo gone; fi
}
wait_ready() {
    tries=0
    while [ ! -s "$ready" ] && [ "$tries" -lt 200 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
}

step status
step start
wait_ready
healthy
first=$(cat "/run/$name.pid")
step start
step status
step restart
wait_ready
second=$(cat "/run/$name.pid")
[ "$first" != "$second" ] && echo "another process"
healthy
id -un "$(stat -c %u "/proc/$second")"
tr '\000' '\n' <"/proc/$second/environ" | sed '/^PATH=/d' | sort | tr '\n' ' '
echo
# As somebody who cannot see it.
setpriv --reuid 4711 --regid 4711 --clear-groups dash "$script" status
echo "of another user: $?"
setpriv --reuid 4711 --regid 4711 --clear-groups dash "$script" stop
echo "of another user: $?"
# The number would be that of another service of this program, had it another user or
# other words.
for change in 's/^user=.*/user=daemon/' 's/^set -- .*/& --verbose/' 's/^\(set -- .*\) --ready-file/\1 --token-file/'; do
    sed "$change" "$script" >/run/changed
    dash /run/changed status >/dev/null && echo "taken for $change"
    cp "/run/$name.pid" /run/kept
    dash /run/changed stop >/dev/null
    cp /run/kept "/run/$name.pid"
done
healthy
step reload
step stop
step stop
# Whoever is its parent now may not have asked for its end yet.
readlink "/proc/$second/exe" || echo "it has ended"
# A number that is another process's by now, be it of the same program.
sleep 1000 &
other=$!
echo "$other" >"/run/$name.pid"
step status
step stop
kill -0 "$other" && echo "the other lives"
kill "$other"
echo "$of_the_program" >"/run/$name.pid"
step status
printf 'x; rm\n' >"/run/$name.pid"
step status
step nonsense
