// tfjs-core's own tests of every operation, run on one of our backends. Bundled by conformance.test.ts; the order of
// the imports matters.
//   node dist/conformance/suite.cjs simd fma
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { backend, ready } from './environment.ts';
import '@tensorflow/tfjs-core/dist/tests.js';

interface SpecResult {
  fullName: string;
  status: string;
  failedExpectations: { message: string }[];
}

const count = { passed: 0, failed: 0, pending: 0 };
const environment = jasmine.getEnv();
environment.configure({ random: false });
environment.addReporter({
  specStarted() {
    if (backend) backend.fault = undefined; // the spec before has already reported it
  },
  specDone({ fullName, status, failedExpectations }: SpecResult) {
    count[status as keyof typeof count]++;
    if (status === 'failed') console.log(`FAILED ${fullName}: ${failedExpectations.map((f) => f.message).join('; ')}`);
  },
  jasmineDone() {
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.pending} pending`);
  },
});
void ready.then(() => environment.execute());
