import { describeSigningRun } from '../util/signing_suite.js';

describeSigningRun('presign_2of3_02_rb');
