export { GROUP_ORDER, verify, type Signature } from './ecdsa.js';
