import './hooks.js';

if (process.argv[2] === '--worker') {
  const { work } = await import('./worker.js');
  work();
} else {
  const { main } = await import('./program.js');
  process.exitCode = await main(process.argv.slice(2));
}
