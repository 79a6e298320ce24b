import { neighboursContract } from '../neighbours.contract.js';

neighboursContract('quic');
