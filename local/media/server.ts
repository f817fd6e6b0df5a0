/**
 * The local media plane: where the meetings of the local AWS take place. Started by `local.launcher`, by Node as
 * it is (types are stripped), on a port of loopback.
 *
 * Settings come from the environment: LOCAL_MEDIA_PORT, LOCAL_EMULATOR_URL, and LOCAL_ACCESS, the folder in which
 * the run's token lies.
 */

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { corsHeaders, hasToken, isOfBrowser, isOfForeignPage, isToThisMachine } from './admission.ts';
import { serve } from './connection.ts';
import { Emulator } from './emulator.ts';
import { Plane } from './plane.ts';
import { AudioStatus, Close, CONTENT, encode, SUBPROTOCOL, Type } from './protocol.ts';

const MAX_FRAME_BYTES = 128 * 1024; // an offer with many candidates has some 10 KB
const MAX_BODY_BYTES = 1024 * 1024;
const SIGNALLING = /^\/control\/([^/?]+)(\?|$)/;

const port = Number(required('LOCAL_MEDIA_PORT'));
const header = readHeader(join(required('LOCAL_ACCESS'), 'control-header'));
const emulator = new Emulator(required('LOCAL_EMULATOR_URL'), header);
const plane = new Plane(emulator);
const sockets = new WebSocketServer({
  noServer: true,
  maxPayload: MAX_FRAME_BYTES,
  handleProtocols: () => SUBPROTOCOL,
});

const server = createServer((request, response) => void answer(request, response));
server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  admit(request, socket, head).catch((error: unknown) => {
    console.error('nobody could be admitted:', (error as Error).message);
    socket.destroy();
  });
});
// The fault of one call ends no other.
for (const fault of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(fault, (error: unknown) => console.error(fault, error instanceof Error ? error.message : ''));
}
server.on('error', (error) => {
  console.error('the media plane cannot listen:', error.message);
  process.exit(1);
});
server.listen(port, '127.0.0.1', () => plane.start());

/** Whoever opens a WebSocket with a join token is in the meeting of that place. */
async function admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const meetingId = SIGNALLING.exec(request.url ?? '')?.[1];
  if (!isToThisMachine(request.headers) || isOfForeignPage(request.headers)) return refuse(socket, '403 Forbidden');
  if (meetingId === undefined) return refuse(socket, '404 Not Found');
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
  const joinToken = offered.find((each) => each !== SUBPROTOCOL) ?? '';
  // A screen that somebody shares would be an attendee of its own.
  const place = joinToken.endsWith(CONTENT) ? 'lost' : await emulator.admit(joinToken);
  if (typeof place === 'object' && plane.isCut(place.AttendeeId)) {
    socket.destroy();
    return;
  }
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    if (place === 'ended') webSocket.close(Close.ENDED, 'the call has ended');
    else if (place === 'lost' || place.MeetingId !== meetingId) dismiss(webSocket);
    else serve(webSocket, place, joinToken, plane);
  });
}

/** There is no place for them: the SDK learns of it when it joins. */
function dismiss(socket: WebSocket): void {
  socket.on('error', () => socket.terminate());
  socket.once('message', () => {
    socket.send(encode({ type: Type.AUDIO_STATUS, audioStatus: { audioStatus: AudioStatus.REJECTED } }));
    socket.close(Close.REJECTED, 'no place in this meeting');
  });
  setTimeout(() => socket.terminate(), 5_000).unref();
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { headers, method } = request;
  const path = (request.url ?? '').split('?')[0];
  const end = (status: number, more: Record<string, string> = {}): void => {
    response.writeHead(status, more).end();
  };
  const body = await received(request);
  if (body === undefined) return end(413, { Connection: 'close' });
  if (!isToThisMachine(headers) || isOfForeignPage(headers)) return end(403);
  if (path === '/network' && method === 'POST') {
    return isOfBrowser(headers) || !hasToken(headers, header) ? end(403) : end(setNetwork(body));
  }
  // The SDK reports on the call: nobody reads it, and it stays on this machine.
  if (path === '/v1/client-events' && method === 'OPTIONS') return end(204, corsHeaders(headers));
  if (path === '/v1/client-events' && method === 'POST') return end(200, corsHeaders(headers));
  end(404, corsHeaders(headers));
}

/** `{"AttendeeId": …, "Up": true | false}`: somebody's network goes down, as if in a tunnel, or is there again. */
function setNetwork(body: Buffer): number {
  try {
    const { AttendeeId, Up } = JSON.parse(body.toString()) as Record<string, unknown>;
    if (typeof AttendeeId !== 'string' || typeof Up !== 'boolean') return 400;
    return plane.setNetwork(AttendeeId, Up) ? 200 : 404;
  } catch {
    return 400;
  }
}

function received(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    });
    request.on('end', () => resolve(size <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined));
    request.on('error', () => resolve(undefined));
  });
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: local.launcher starts this`);
  return value;
}

function readHeader(file: string): readonly [string, string] {
  const [name, value] = readFileSync(file, 'utf8').trim().split(': ');
  return [name ?? '', value ?? ''];
}
