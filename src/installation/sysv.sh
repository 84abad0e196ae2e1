#!/bin/sh
# Written by 'windlass install sysv', which also changes it.
#
# chkconfig: 2345 85 15
# description: @PURPOSE@
# processname: windlass
# pidfile: /var/run/@NAME@.pid
#
### BEGIN INIT INFO
# Provides:          @NAME@
# Required-Start:    $remote_fs $network $syslog
# Required-Stop:     $remote_fs $network $syslog
# Should-Start:      $named $time
# Should-Stop:       $named
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: @PURPOSE@
# Description:       windlass @VERB@; see windlass-@VERB@(1)
### END INIT INFO

PATH=@PATH@
export PATH
umask 077

name=@NAME@
verb=@VERB@
user=@USER@
pidfile=/var/run/$name.pid
lockfile=/var/lock/subsys/$name
# How long it may take to end, in seconds.
patience=30

program=@PROGRAM@
set -- "$1" @WORDS@
action=$1
shift

# Whether the process whose number is in the file is this service: the number may be
# another process's by now. A program that was replaced while it runs has
# ' (deleted)' behind its name.
alive() {
    pid=
    [ -r "$pidfile" ] || return 1
    read -r pid <"$pidfile" || [ -n "$pid" ] || return 1
    case $pid in
    '' | *[!0-9]*) return 1 ;;
    esac
    real=$(readlink -f "$program") || real=$program
    running=$(readlink "/proc/$pid/exe" 2>/dev/null) || return 1
    case ${running%' (deleted)'} in
    "$program" | "$real") ;;
    *) return 1 ;;
    esac
    [ "$(tr '\000' '\n' <"/proc/$pid/cmdline" 2>/dev/null | sed -n 2p)" = "$verb" ]
}

# Starts it in a session of its own, with its number in the file, and nothing open of
# the terminal of whoever starts it.
launch() {
    rm -f "$pidfile"
    if command -v start-stop-daemon >/dev/null 2>&1; then
        start-stop-daemon --start --quiet --background --make-pidfile \
            --pidfile "$pidfile" --chuid "$user" --chdir / --startas "$program" -- "$@"
        return
    fi
    cd / || return
    if [ "$user" = root ]; then
        # shellcheck disable=SC2016 # for the inner shell
        setsid sh -c 'echo $$ >"$0"; exec "$@"' "$pidfile" "$program" "$@" \
            </dev/null >/dev/null 2>&1 &
    else
        # shellcheck disable=SC2016 # for the inner shell
        setsid su -s /bin/sh -c 'echo $$ >&3; exec "$0" "$@" 3>&-' -- "$user" \
            "$program" "$@" </dev/null >/dev/null 2>&1 3>"$pidfile" &
    fi
}

start() {
    if alive; then
        echo "$name is running (process $pid)"
        return 0
    fi
    if [ ! -x "$program" ]; then
        echo "$name: $program is not there" >&2
        return 5
    fi
    launch "$@" || return 1
    # One that ends at once has said why to the log.
    tries=0
    while [ "$tries" -lt 3 ]; do
        sleep 1
        if [ "$tries" -gt 0 ] && ! alive; then
            rm -f "$pidfile"
            echo "$name has ended at once; its log says why" >&2
            return 1
        fi
        tries=$((tries + 1))
    done
    [ ! -d "${lockfile%/*}" ] || : >"$lockfile"
    echo "$name is started (process $pid)"
}

stop() {
    if ! alive; then
        rm -f "$pidfile" "$lockfile"
        echo "$name is not running"
        return 0
    fi
    kill -TERM "$pid" || return 4
    waited=0
    while alive; do
        if [ "$waited" -ge "$patience" ]; then
            echo "$name does not end, and is killed" >&2
            kill -KILL "$pid"
        fi
        [ "$waited" -lt $((patience + 5)) ] || return 1
        sleep 1
        waited=$((waited + 1))
    done
    rm -f "$pidfile" "$lockfile"
    echo "$name is stopped"
}

status() {
    if alive; then
        echo "$name is running (process $pid)"
        return 0
    fi
    if [ -f "$pidfile" ]; then
        echo "$name is not running, but $pidfile is there"
        return 1
    fi
    echo "$name is not running"
    return 3
}

case $action in
start) start "$@" ;;
stop) stop ;;
restart | force-reload) stop && start "$@" ;;
# Nobody wants one that was stopped to be started.
try-restart | condrestart) if alive; then stop && start "$@"; fi ;;
# A renewed certificate is picked up without being told; there is nothing else to read
# again.
reload)
    echo "$name has nothing to read again; restart it for other options" >&2
    exit 3
    ;;
status) status ;;
*)
    echo "usage: $0 {start|stop|restart|try-restart|force-reload|status}" >&2
    exit 2
    ;;
esac
