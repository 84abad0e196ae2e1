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
user=@USER@
pidfile=/var/run/$name.pid
lockfile=/var/lock/subsys/$name
# How long it may take to end, in seconds.
patience=30

program=@PROGRAM@
set -- "$1" @WORDS@
action=$1
shift
# No word has an end of line in it; the last one keeps those that are empty.
expected=$(printf '%s\n' "$program" "$@" .)

# Whether the process whose number is in the file is this service: the number may be
# another process's by now, be it of the same program. So program, user and every word
# have to be its own. A program that was replaced while it runs has ' (deleted)' behind
# its name. 2 where this user may not see it.
alive() {
    pid=
    [ -e "$pidfile" ] || return 1
    [ -r "$pidfile" ] || return 2
    read -r pid <"$pidfile" || [ -n "$pid" ] || return 1
    case $pid in
    '' | *[!0-9]*) return 1 ;;
    esac
    real=$(readlink -f "$program") || real=$program
    running=$(readlink "/proc/$pid/exe" 2>/dev/null)
    if [ -z "$running" ]; then
        # Those of others may be hidden, or tell no program.
        [ "$(id -u)" -ne 0 ] || return 1
        if [ -d "/proc/$pid" ] || [ ! -d /proc/1 ]; then return 2; fi
        return 1
    fi
    case ${running%' (deleted)'} in
    "$program" | "$real") ;;
    *) return 1 ;;
    esac
    owner=$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null)
    if [ -z "$owner" ] || [ "$owner" != "$(id -u "$user")" ]; then return 1; fi
    words=$(tr '\000' '\n' <"/proc/$pid/cmdline" 2>/dev/null && echo .)
    [ "$words" = "$expected" ]
}

# Starts it in a session of its own, with its number in the file, and with nothing of
# whoever starts it: neither the terminal nor the environment, where variables would
# stand for options.
launch() {
    rm -f "$pidfile"
    home=~@USER@
    case $home in
    /*) ;;
    *) home=/ ;;
    esac
    clean=$(command -v env) || return
    set -- "$clean" -i "PATH=$PATH" "HOME=$home" "USER=$user" "LOGNAME=$user" "$program" "$@"
    if command -v start-stop-daemon >/dev/null 2>&1; then
        shift
        start-stop-daemon --start --quiet --background --make-pidfile \
            --pidfile "$pidfile" --chuid "$user" --chdir / --startas "$clean" -- "$@"
        return
    fi
    cd / || return
    if [ "$user" = root ]; then
        # shellcheck disable=SC2016 # for the inner shell
        setsid sh -c 'echo $$ >"$0"; exec "$@"' "$pidfile" "$@" \
            </dev/null >/dev/null 2>&1 &
    else
        # shellcheck disable=SC2016 # for the inner shell
        setsid su -s /bin/sh -c 'echo $$ >&3; exec "$0" "$@" 3>&-' -- "$user" \
            "$@" </dev/null >/dev/null 2>&1 3>"$pidfile" &
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
    alive
    case $? in
    0)
        echo "$name is running (process $pid)"
        return 0
        ;;
    2)
        echo "whether $name is running only root or $user can tell"
        return 4
        ;;
    esac
    if [ -f "$pidfile" ]; then
        echo "$name is not running, but $pidfile is there"
        return 1
    fi
    echo "$name is not running"
    return 3
}

case $action in
start | stop | restart | force-reload | try-restart | condrestart)
    if [ "$(id -u)" -ne 0 ]; then
        echo "$name: only root can $action it" >&2
        exit 4
    fi
    ;;
esac
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
