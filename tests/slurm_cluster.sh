#!/usr/bin/env bash
# A Slurm cluster of this machine alone, without accounting: one node with two CPUs, and three partitions. Jobs of `high`
# preempt those of `low` at once, and those of `warned` a minute after a signal. All files are in one folder; the daemons
# run as the user who starts them.
#
#   export SLURM_CONF=$(tests/slurm_cluster.sh start FOLDER)
#   tests/slurm_cluster.sh stop FOLDER
set -euo pipefail

start() {
    local user node port=$((10000 + $$ % 20000))
    user=$(id -un) node=$(hostname -s)
    mkdir -p "$folder/state" "$folder/spool"
    (umask 077 && head -c 1024 /dev/urandom > "$folder/munge.key")
    cat > "$folder/slurm.conf" <<END
ClusterName=resbench
SlurmctldHost=$node(127.0.0.1)
NodeName=$node NodeAddr=127.0.0.1 CPUs=2
PartitionName=low Nodes=$node PriorityTier=1 Default=YES
PartitionName=warned Nodes=$node PriorityTier=1 GraceTime=60
PartitionName=high Nodes=$node PriorityTier=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
TaskPlugin=task/affinity
ProctrackType=proctrack/linuxproc
SlurmdParameters=config_overrides
MpiDefault=none
KillWait=5
# cred_expire: how long a job that is queued again waits, by default 120 s
AuthInfo=socket=$folder/munge.socket,cred_expire=5
SlurmUser=$user
SlurmdUser=$user
SlurmctldPort=$port
SlurmdPort=$((port + 1))
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
END
    export SLURM_CONF=$folder/slurm.conf
    {
        munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
            --pid-file="$folder/munged.pid" --log-file="$folder/munged.log" --seed-file="$folder/munged.seed"
        slurmctld -c
        slurmd -c
    } >&2
    for _ in {1..60}; do
        if [ "$(sinfo --noheader --partition=low --format=%T 2>&1)" = idle ]; then
            echo "$SLURM_CONF"
            return
        fi
        sleep 0.5
    done
    echo "$0: the node is not ready after 30 s; see $folder/*.log" >&2
    stop
    return 1
}

stop() {
    export SLURM_CONF=$folder/slurm.conf
    scancel --me || true # the controller may not have started
    for _ in {1..60}; do # a step that ends without its slurmd stays for ever
        [ -n "$(squeue --me --noheader 2>&1)" ] || break
        sleep 0.5
    done
    for daemon in slurmd slurmctld munged; do
        if [ -f "$folder/$daemon.pid" ]; then
            kill "$(cat "$folder/$daemon.pid")"
            while [ -f "$folder/$daemon.pid" ]; do sleep 0.1; done
        fi
    done
}

[ $# = 2 ] || { echo "usage: $0 start|stop FOLDER" >&2; exit 2; }
PATH=$PATH:/usr/sbin:/sbin
folder=$(realpath -m "$2")
"$1"
