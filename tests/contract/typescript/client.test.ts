// An app's way through a call, by the client that is generated from openapi.yaml. The server answers what the
// document gives as examples.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';

import { createClient } from './client/client/index.js';
import {
  type Availability,
  type CallConnection,
  type CallState,
  type Problem,
  type StartCallRequest,
  endCall,
  getAvailability,
  getCall,
  rejoinCall,
  sendDigits,
  startCall,
} from './client/index.js';

interface Examples {
  OpenAndStaffed: Availability;
  StartedCall: CallConnection;
  QueuedCall: { ContactId: string };
  CallActive: Problem;
  NotFound: Problem;
}
interface Received {
  method: string | undefined;
  path: string | undefined;
  authorization: string | undefined;
  idempotencyKey: string | string[] | undefined;
  body: unknown;
}

const examples = JSON.parse(readFileSync('examples.json', 'utf-8')) as Examples;
const received: Received[] = [];
const path = { ContactId: examples.StartedCall.ContactId };
const elsewhere = { ContactId: 'somebody-elses' };
let isActive = false;

async function read(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const part of request) text += String(part);
  return text === '' ? undefined : (JSON.parse(text) as unknown);
}

/** Status and body of an answer; the body of an error is a problem. */
function answer(method: string, url: string): [number, unknown?] {
  switch (`${method} ${url}`) {
    case 'POST /v1/start-call':
      if (isActive) return [409, examples.CallActive];
      isActive = true;
      return [201, examples.StartedCall];
    case 'GET /v1/availability?Topic=billing':
      return [200, examples.OpenAndStaffed];
    case `GET /v1/calls/${path.ContactId}`:
      return [200, examples.QueuedCall];
    case `POST /v1/calls/${path.ContactId}/connection`:
      return [200, examples.StartedCall];
    case `POST /v1/calls/${path.ContactId}/digits`:
      return [204];
    case `DELETE /v1/calls/${path.ContactId}`:
      isActive = false;
      return [204];
    default:
      return [404, examples.NotFound];
  }
}

const server = createServer((request, response) => {
  void (async () => {
    received.push({
      method: request.method,
      path: request.url,
      authorization: request.headers.authorization,
      idempotencyKey: request.headers['idempotency-key'],
      body: await read(request),
    });
    const [status, body] = answer(request.method ?? '', request.url ?? '');
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, body === undefined ? {} : { 'Content-Type': type });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  })();
});
const client = createClient({ auth: () => 'a.b.c' });

before(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  client.setConfig({ baseUrl: `http://127.0.0.1:${port}/v1` });
});
after(() => server.close());

test('a call is started, followed, rejoined, given digits and ended', async () => {
  const known = await getAvailability({ client, query: { Topic: 'billing' } });
  assert.deepEqual([known.data?.Open, known.data?.ExpectedWaitSeconds], [true, 120]);

  const body: StartCallRequest = { Topic: 'billing', Attributes: { order_id: 'A-1042' } };
  const started = await startCall({ client, body, headers: { 'Idempotency-Key': 'tap-1' } });
  assert.ok(started.data);
  // What the Chime SDK is given, by the names that it has for them.
  assert.equal(started.data.ConnectionData.Meeting.MediaRegion, 'eu-west-2');
  assert.match(started.data.ConnectionData.Attendee.JoinToken, /EXAMPLE$/);

  const status = await getCall({ client, path });
  const state: CallState | undefined = status.data?.State;
  assert.equal(state, 'QUEUED');

  const rejoined = await rejoinCall({ client, path });
  assert.deepEqual(rejoined.data, started.data);

  const digits = await sendDigits({ client, path, body: { Digits: '1' }, headers: { 'Idempotency-Key': 'key-1' } });
  assert.equal(digits.response?.status, 204);

  const ended = await endCall({ client, path });
  assert.equal(ended.response?.status, 204);

  const contact = `/v1/calls/${path.ContactId}`;
  const authorization = 'a.b.c';
  assert.deepEqual(received, [
    { method: 'GET', path: '/v1/availability?Topic=billing', authorization, idempotencyKey: undefined, body: undefined },
    { method: 'POST', path: '/v1/start-call', authorization, idempotencyKey: 'tap-1', body },
    { method: 'GET', path: contact, authorization, idempotencyKey: undefined, body: undefined },
    { method: 'POST', path: `${contact}/connection`, authorization, idempotencyKey: undefined, body: undefined },
    { method: 'POST', path: `${contact}/digits`, authorization, idempotencyKey: 'key-1', body: { Digits: '1' } },
    { method: 'DELETE', path: contact, authorization, idempotencyKey: undefined, body: undefined },
  ]);
});

test('a problem is typed, and names the call that is active', async () => {
  assert.ok((await startCall({ client, body: {} })).data);
  const again = await startCall({ client, body: {} });
  assert.equal(again.data, undefined);
  assert.equal(again.response?.status, 409);
  // A body of over 10 MB alone is answered without a `type`.
  assert.ok(again.error && 'type' in again.error);
  assert.equal(again.error.type, 'urn:in-app-calling:problem:call-active');
  assert.equal(again.error.ContactId, path.ContactId);
  await endCall({ client, path });
});

test('an unknown call is a problem, which can be thrown', async () => {
  const { error } = await getCall({ client, path: elsewhere });
  assert.equal(error?.type, 'urn:in-app-calling:problem:not-found');
  await assert.rejects(getCall({ client, path: elsewhere, throwOnError: true }), { status: 404 });
});

test('what the contract refuses does not compile', () => {
  // @ts-expect-error a misspelt member
  const misspelt: StartCallRequest = { topic: 'billing' };
  // @ts-expect-error digits are required
  const missing = () => sendDigits({ client, path, body: {} });
  // @ts-expect-error no such state
  const unknown: CallState = 'RINGING';
  assert.ok([misspelt, missing, unknown]);
});
