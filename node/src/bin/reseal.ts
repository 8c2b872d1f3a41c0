#!/usr/bin/env node
import { startProgram } from 'service/start_program';

await startProgram(() => import('../commands/reseal.js'));
