import * as sparsebook from 'sparsebook/browser.js';
import { contestant, type Job } from './contestant.ts';

const answer = contestant(sparsebook, ({ backend }) => sparsebook.tf.setBackend(backend));
process.on('message', (job: Job) => void answer(job).then((said) => process.send!(said)));
