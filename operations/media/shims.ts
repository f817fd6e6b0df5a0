/** What the Chime SDK finds in a browser, for Node: WebRTC by @roamhq/wrtc, WebSockets by ws, and little else. */

import wrtc from '@roamhq/wrtc';
import WebSocket from 'ws';

const { nonstandard, ...webRtc } = wrtc;
export const { RTCAudioSink, RTCAudioSource } = nonstandard;
export const MediaStream = webRtc.MediaStream;

const nothing = (): void => undefined;
const userAgent =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
const mediaDevices = {
  addEventListener: nothing,
  removeEventListener: nothing,
  getSupportedConstraints: () => ({}),
  enumerateDevices: () => Promise.resolve([]),
};
const element = () => ({ style: {}, play: () => Promise.resolve(), addEventListener: nothing, setAttribute: nothing });
const document = {
  createElement: element,
  addEventListener: nothing,
  removeEventListener: nothing,
  visibilityState: 'visible',
};

Object.assign(globalThis, webRtc, {
  window: globalThis,
  self: globalThis,
  WebSocket,
  document,
  addEventListener: nothing,
  removeEventListener: nothing,
});
Object.defineProperty(globalThis, 'navigator', { value: { userAgent, mediaDevices }, configurable: true });
