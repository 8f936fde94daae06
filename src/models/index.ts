export * from './googleNet.js';
