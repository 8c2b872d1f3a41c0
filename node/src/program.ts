import { SECURITY_128 } from 'cggmp24';
import { runProcess } from './process.js';

await runProcess(SECURITY_128);
