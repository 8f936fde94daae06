export { provenance, type Provenance } from './provenance.js';
