/**
 * Who may send what to the media plane: `local/emulator/admission.py` has the threats. It listens on loopback,
 * which every page in the browser of whoever develops here reaches. A page of this machine may join a meeting,
 * by its join token; whatever else has an Origin may not even try one.
 */

import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Whether a request was sent to a name of this machine, and not to one that merely leads here. */
export function isToThisMachine(headers: IncomingHttpHeaders): boolean {
  return LOOPBACK.has(hostname(`http://${headers.host ?? ''}`) ?? '');
}

/** Whether a page caused a request that is not one of this machine's. */
export function isOfForeignPage(headers: IncomingHttpHeaders): boolean {
  if (headers.origin !== undefined) return !LOOPBACK.has(hostname(headers.origin) ?? '');
  return !['none', 'same-origin', undefined].includes(headers['sec-fetch-site'] as string | undefined);
}

/** Whether any browser sent a request. */
export function isOfBrowser(headers: IncomingHttpHeaders): boolean {
  return 'origin' in headers || Object.keys(headers).some((name) => name.startsWith('sec-fetch-'));
}

/** Whether a request has the run's token, as `/_local/` of the emulator takes it. */
export function hasToken(headers: IncomingHttpHeaders, [name, value]: readonly [string, string]): boolean {
  const given = Buffer.from(String(headers[name.toLowerCase()] ?? ''));
  const wanted = Buffer.from(value);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** The headers that let the page that sent a request read the answer. */
export function corsHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  if (headers.origin === undefined) return {};
  return {
    'Access-Control-Allow-Origin': headers.origin,
    'Access-Control-Allow-Headers': 'authorization, content-type',
    'Access-Control-Allow-Methods': 'POST',
    Vary: 'Origin',
  };
}

/** The host of an origin; undefined for what is none: another scheme, a path, a user. */
function hostname(origin: string): string | undefined {
  if (!URL.canParse(origin)) return undefined;
  const url = new URL(origin);
  const isOrigin =
    url.origin !== 'null' && url.pathname === '/' && !origin.endsWith('/') && !url.username && !url.search;
  return isOrigin && /^https?:$/.test(url.protocol) ? url.hostname : undefined;
}
