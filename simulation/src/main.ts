import { startProgram } from 'service/start_program';

await startProgram(async () => {
  await import('./hooks.js');
  if (process.argv[2] === '--worker') {
    const { work } = await import('./worker.js');
    work();
    return;
  }
  // Who reads what is printed may have had enough.
  process.stdout.on('error', () => process.exit());
  const { main } = await import('./program.js');
  process.exitCode = await main(process.argv.slice(2));
});
