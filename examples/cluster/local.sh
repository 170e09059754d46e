#!/bin/sh
# The same on one machine, without a scheduler: shards as processes, and one audit of them.
#
#     sh local.sh 2 runs/digits digits --quick
set -eu

count=$1 out=$2
shift 2
export OMP_NUM_THREADS=1

processes=""
for number in $(seq "$count"); do
    holistic run "$@" --out "$out" --shard "$number/$count" &
    processes="$processes $!"
done
failed=0
for process in $processes; do
    wait "$process" || failed=1 # what a killed shard leaves, others do, and merge names what lacks
done
holistic merge "$out" || exit $?
exit $failed
