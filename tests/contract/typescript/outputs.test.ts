// What Amplify makes of the amplify_outputs.json that `make outputs` writes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { parseAmplifyConfig } from '@aws-amplify/core/internals/utils';

interface Outputs {
  version: string;
  custom: { API: Record<string, { endpoint: string; region: string }> };
}

const outputs = JSON.parse(readFileSync('amplify_outputs.json', 'utf-8')) as Outputs;

test('Amplify finds the user pool and its sign-in pages', () => {
  const { Auth } = parseAmplifyConfig(outputs);
  assert.ok(Auth);
  assert.ok('userPoolId' in Auth.Cognito);
  assert.equal(Auth.Cognito.userPoolId, 'eu-west-2_abc');
  assert.equal(Auth.Cognito.userPoolClientId, 'client');
  assert.equal(Auth.Cognito.passwordFormat?.minLength, 12);
  assert.equal(Auth.Cognito.loginWith?.email, true);
  assert.deepEqual(Auth.Cognito.loginWith.oauth, {
    domain: 'acme.auth.eu-west-2.amazoncognito.com',
    providers: ['Apple'],
    redirectSignIn: ['app://in'],
    redirectSignOut: ['app://out'],
    responseType: 'code',
    scopes: ['openid', 'email'],
  });
});

test("an app hands the API to Amplify's REST client", () => {
  const { API, ...others } = parseAmplifyConfig(outputs);
  const config = { ...others, API: { ...API, REST: outputs.custom.API } };
  assert.equal(config.API.REST['InAppCalling']?.endpoint, 'https://api.example.com/v1');
});
