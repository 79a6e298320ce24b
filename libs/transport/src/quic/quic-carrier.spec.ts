import { carrierContract } from '../carrier.contract.js';

carrierContract('quic');
