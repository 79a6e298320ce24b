import { neighboursContract } from '../neighbours.contract.js';

// Fewer than are given up: their places are free again.
neighboursContract({ kind: 'tls', streams: 32 });
