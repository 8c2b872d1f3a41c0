import { describe } from '@jest/globals';
import { describeSigningRun, expectGroup } from '../util/signing_suite.js';
import { loadSigningRun } from '../util/signing_vectors.js';

describeSigningRun('presign_2of3_02_rb');

describe.each(['presign_301_unsorted_rb', 'sign_013_rb_hd', 'sign_nonthreshold_3_rb'])('%s', (name) => {
  const { run, shares } = loadSigningRun(name);
  expectGroup(run, shares);
});
