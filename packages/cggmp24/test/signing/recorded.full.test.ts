import { describeSigningRun } from '../util/signing_suite.js';

for (const name of [
  'presign_012_norb',
  'presign_012_rb',
  'presign_023_rb',
  'presign_301_unsorted_rb',
  'sign_012_rb',
  'sign_013_rb_hd',
  'sign_123_norb',
  'sign_2of3_12_rb',
  'sign_nonthreshold_3_rb',
]) {
  describeSigningRun(name);
}
