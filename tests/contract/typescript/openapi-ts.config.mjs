// A client on `fetch`, whose imports name files as Node wants them.
export default {
  input: 'openapi.yaml',
  output: { path: 'client', module: { extension: '.js' } },
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
};
