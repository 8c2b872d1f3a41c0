import { startProgram } from 'service/start_program';

await startProgram(() => import('./program.js'));
