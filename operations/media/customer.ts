/**
 * The app's side of a call that only tests, with sound: joins as an app would, hears, leaves.
 *
 * A line of standard input is a JSON object with `do`; a line of standard output is the answer.
 * `operations/media/customer.py` is the other end.
 */

import { serve, sleep } from './requests.ts';
import { listen, sdk, SAMPLE_RATE, sessionOf, ToneController, type ConnectionData, type Sdk } from './sdk.ts';

const TONE = 440; // Hz, that the microphone hears
const WINDOW = SAMPLE_RATE / 2; // samples that are listened to at a time
const WITHIN = 20_000; // ms

interface Request {
  readonly do: 'join' | 'hear' | 'leave';
  readonly ConnectionData: ConnectionData;
  /** The level above which it is no silence, of 1. */
  readonly above: number;
}

let session: Sdk.DefaultMeetingSession | undefined;
let samples: number[] = [];

/** Resolves once the SDK says that audio flows; else to the word that it has for what went wrong. */
async function join({ ConnectionData: data }: Request): Promise<object> {
  const device = new ToneController(TONE);
  session = sessionOf(data, device);
  const { audioVideo } = session;
  let state: 'connecting' | 'started' | 'stopped' = 'connecting';
  let status = '';
  audioVideo.addObserver({
    audioVideoDidStart: () => (state = 'started'),
    audioVideoDidStop: (stopped) => {
      state = 'stopped';
      status = sdk.MeetingSessionStatusCode[stopped.statusCode()]!;
      device.silence();
    },
  });
  listen(audioVideo, (heard) => (samples = [...samples, ...heard].slice(-WINDOW)));
  audioVideo.start();
  for (let waited = 0; state === 'connecting' && waited < WITHIN; waited += 20) await sleep(20);
  return { joined: (state as string) === 'started', status };
}

/** The loudest that is heard, of 1, until it is above what is asked for. */
async function hear({ above }: Request): Promise<object> {
  let loudest = 0;
  for (let waited = 0; loudest <= above && waited < WITHIN; waited += 100) {
    if (samples.length >= WINDOW) {
      const level = Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length);
      loudest = Math.max(loudest, level);
      samples = [];
    }
    if (loudest <= above) await sleep(100);
  }
  return { level: loudest };
}

await serve<Request>(async (request) => {
  if (request.do === 'join') return join(request);
  if (request.do === 'hear') return hear(request);
  session?.audioVideo.stop();
  return {};
});
process.exit(0);
