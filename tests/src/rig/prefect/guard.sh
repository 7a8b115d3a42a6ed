# Runs "$2"... until standard input ends, which it does when the test process is gone, even when it was killed.
# $1: the scratch directory, which nobody else is left to remove then. This shell leads its process group; the server
# takes its place, so its id is also the server's.
exec 3<&0
(
    trap '' TERM INT HUP
    cat <&3 >/dev/null
    # `-s`: dash does not understand `kill -TERM --`.
    kill -s TERM -- "-$$"
    tries=0
    while kill -0 "$$" && [ "$tries" -lt 50 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    rm -rf -- "$1"
    kill -s KILL -- "-$$"
) >/dev/null 2>&1 &
shift
exec "$@" </dev/null 3<&-
