// What a bundler for browsers takes instead of this package: it fails at import, and says why.
throw new Error(
  'cggmp24 runs in Node.js only, because it computes with OpenSSL through node:crypto. '
  + 'Keep it on the server and call it from the browser, or bundle with esbuild\'s --platform=node',
);
