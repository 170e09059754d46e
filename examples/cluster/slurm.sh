#!/bin/bash
# A Slurm array: each task does a shard, and a last job makes one audit of them.
#
#     sbatch slurm.sh
#SBATCH --job-name=holistic
#SBATCH --array=1-8
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
#SBATCH --requeue
set -euo pipefail

OUT=${OUT:-runs/mnist-cnn}          # a folder that all nodes see
RUN=${RUN:-"mnist --model cnn --weights cnn.safetensors"}
export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK   # the same for all: it decides the last bits

if [ "${1:-}" = merge ]; then
    holistic merge "$OUT"
    exit
fi
if [ "$SLURM_ARRAY_TASK_ID" = "$SLURM_ARRAY_TASK_MIN" ] && [ "${SLURM_RESTART_COUNT:-0}" = 0 ]; then
    sbatch --array=1 --dependency="afterany:$SLURM_ARRAY_JOB_ID" "$0" merge
fi
# shellcheck disable=SC2086
holistic run $RUN --out "$OUT" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
