import { shapeOf } from '../../data/imageSet.js';
import { engine } from '#platform';
import * as tf from '@tensorflow/tfjs';
import { currentBackend } from '../../backend/useBackend.js';
import { dataHash, type DataSplits } from '../../data/dataSplits.js';
import { checkout, type Checkout } from './checkout.js';

/** Everything that a result depends on except its settings. */
export interface Provenance extends Checkout {
  /** The engine that ran the program, such as `Node 24.1.0`. */
  engine: string;
  /** The backend, described on one line. */
  backend: string;
  data?: { name: string; splitHash: string; hash: string; shape?: readonly number[]; classNames?: string[] };
  /** The identity of the run: see `identityOf`. */
  identity?: string;
  /** ISO 8601, UTC. */
  date: string;
}

/** The provenance of a run that starts now: code, machine and data. */
export async function provenance({ data }: { data?: DataSplits } = {}): Promise<Provenance> {
  return {
    ...(await checkout()),
    engine,
    backend: currentBackend()?.description ?? tf.getBackend(),
    data: data && {
      name: data.name,
      splitHash: data.splitHash,
      hash: dataHash(data),
      shape: shapeOf(data.train),
      classNames: data.train.classNames,
    },
    date: new Date().toISOString(),
  };
}
