// A Slurm cluster on this machine only, in its own folder: for tests, and for trying things by hand (see the last
// lines).
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from 'sparsebook/platform/freePort.js';

const programs = ['sbatch', 'slurmctld', 'slurmd', 'munged'];

/** The reason why no cluster can be started here; undefined if one can. */
export function noCluster(): string | undefined {
  if (process.getuid?.() !== 0) return 'a cluster for the test is started by root alone';
  const missing = programs.filter((name) => {
    try {
      execFileSync('which', [name], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
  return missing.length === 0 ? undefined : `there is no ${missing.join(', ')} (Debian: apt install slurm-wlm munge)`;
}

/** Two processors, the partition `main` without a limit, and `short` with a limit of one minute. */
const config = (dir: string, ctld: number, slurmd: number): string => `
ClusterName=test
SlurmctldHost=${hostname()}(127.0.0.1)
SlurmctldPort=${ctld}
SlurmdPort=${slurmd}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=${dir}/munge.socket
StateSaveLocation=${dir}/state
SlurmdSpoolDir=${dir}/spool
SlurmctldPidFile=${dir}/slurmctld.pid
SlurmdPidFile=${dir}/slurmd.pid
SlurmctldLogFile=${dir}/slurmctld.log
SlurmdLogFile=${dir}/slurmd.log
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=0,batch_sched_delay=0
JobAcctGatherType=jobacct_gather/none
KillWait=20
ReturnToService=2
NodeName=${hostname()} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE
PartitionName=short Nodes=ALL MaxTime=1
`;

/** A running cluster; `env` is the environment for its commands. */
export interface Cluster {
  env: { SLURM_CONF: string };
  /** Runs a Slurm command on the cluster, and returns its output. */
  run(...words: [string, ...string[]]): string;
  /** The process that starts jobs on this machine. */
  slurmd(): ChildProcess;
  /** Restarts that process if it was killed. */
  repair(): void;
  stop(): Promise<void>;
}

/** Starts a cluster in an empty folder. */
export async function startCluster(dir: string): Promise<Cluster> {
  const conf = join(dir, 'slurm.conf');
  writeFileSync(conf, config(dir, await freePort(), await freePort()));
  ['state', 'spool'].forEach((name) => mkdirSync(join(dir, name)));
  chmodSync(dir, 0o755);
  const key = join(dir, 'munge.key');
  writeFileSync(key, randomBytes(128), { mode: 0o400 });
  const env = { SLURM_CONF: conf };
  const children: ChildProcess[] = [];
  const start = (name: string, ...words: string[]): ChildProcess => {
    const log = openSync(join(dir, `${name}.out`), 'a');
    const child = spawn(name, words, { stdio: ['ignore', log, log], env: { ...process.env, ...env } });
    children.push(child);
    return child;
  };
  const run = (...[name, ...words]: [string, ...string[]]): string =>
    execFileSync(name, words, { encoding: 'utf8', env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  };
  const files = ['socket', 'pid', 'log', 'seed'].map((file) => `--${file}-file=${dir}/munge.${file}`);
  files[0] = `--socket=${dir}/munge.socket`;
  start('munged', '--foreground', '--force', `--key-file=${key}`, ...files);
  start('slurmctld', '-D', '-f', conf);
  const startNode = (): ChildProcess => start('slurmd', '-D', '-f', conf, '-N', hostname());
  let node = startNode();
  const repair = (): void => {
    if (node.exitCode !== null || node.signalCode !== null) node = startNode();
  };
  for (let tries = 0; ; tries++) {
    try {
      if (run('sinfo', '-h', '-o', '%T').includes('idle')) return { env, run, slurmd: () => node, repair, stop };
    } catch {
      // It does not respond yet.
    }
    if (tries === 300) {
      await stop();
      const said = ['munged.out', 'slurmctld.log', 'slurmd.log'].map((file) => readFileSync(join(dir, file), 'utf8'));
      throw new Error(`the cluster does not start:\n${said.join('\n')}`);
    }
    await pause(200);
  }
}
