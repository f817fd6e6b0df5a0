/** Parts of the media plane by themselves; `tests/e2e/media` has calls that are heard. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOfForeignPage, isToThisMachine } from '../../../local/media/admission.ts';
import { Mixer, Voice } from '../../../local/media/mixer.ts';
import { Numbers } from '../../../local/media/peer.ts';
import { FRAME_SAMPLES, KEYS, MUSIC, SILENCE } from '../../../local/media/sounds.ts';

type Header = Parameters<Numbers['following']>[0];
const header = (ssrc: number, sequenceNumber: number, timestamp: number): Header =>
  ({ ssrc, sequenceNumber, timestamp }) as Header;
const minus = (one: number, other: number, bits: number): number => Number(BigInt.asUintN(bits, BigInt(one - other)));

test('frames and the packets of others are one stream without a seam', () => {
  const numbers = new Numbers();
  const sent = [numbers.next(), numbers.next()];
  // Whoever speaks has numbers of their own, which pass their greatest.
  for (let i = 0; i < 4; i++) {
    sent.push(numbers.following(header(7, (65_534 + i) & 0xffff, (4_294_967_000 + i * FRAME_SAMPLES) >>> 0)));
  }
  sent.push(numbers.next());
  sent.push(numbers.following(header(9, 5, 5)));
  sent.forEach(([sequence, timestamp], i) => {
    const before = sent[i - 1];
    if (!before) return;
    assert.equal(minus(sequence, before[0], 16), 1);
    assert.equal(minus(timestamp, before[1], 32), FRAME_SAMPLES);
  });
});

test('a gap stays a gap, and a packet that was overtaken has its own place', () => {
  const numbers = new Numbers();
  const [first] = numbers.following(header(7, 100, 0));
  const [third] = numbers.following(header(7, 102, 2 * FRAME_SAMPLES));
  const [second] = numbers.following(header(7, 101, FRAME_SAMPLES));
  assert.equal(minus(third, first, 16), 2);
  assert.equal(minus(second, first, 16), 1);
  const [next] = numbers.next();
  assert.equal(minus(next, third, 16), 1);
});

test('two voices are added, and what is no Opus is none', () => {
  const voice = new Voice();
  assert.equal(voice.decode(Buffer.from([0xff, 0xff, 0xff])), undefined);
  assert.equal(voice.decode(Buffer.alloc(0)), undefined);
  const tone = MUSIC.slice(0, 50).map((frame) => voice.decode(frame));
  const [mixer, alone] = [new Mixer(), new Mixer()];
  const [both, one] = [new Voice(), new Voice()];
  let [sumOfBoth, sumOfOne] = [0, 0];
  const loudness = (samples: Int16Array): number => samples.reduce((sum, each) => sum + Math.abs(each), 0);
  for (const samples of tone) {
    assert.ok(samples);
    mixer.add('one', samples);
    mixer.add('other', samples);
    alone.add('one', samples);
    sumOfBoth += loudness(both.decode(mixer.next())!);
    sumOfOne += loudness(one.decode(alone.next())!);
  }
  assert.ok(Math.abs(sumOfBoth / sumOfOne - 2) < 0.1);
});

test('there is a sound for each key, and silence is quiet', () => {
  assert.deepEqual([...KEYS.keys()].join(''), '0123456789*#,');
  assert.ok(new Voice().decode(SILENCE)!.every((sample) => Math.abs(sample) < 10));
});

test('a page of this machine is known by its origin alone', () => {
  for (const host of ['127.0.0.1:80', 'localhost', '[::1]:9']) assert.ok(isToThisMachine({ host }));
  for (const host of ['evil.example', '127.0.0.1.nip.io', '', 'a@localhost', '10.0.0.1']) {
    assert.ok(!isToThisMachine({ host }), host);
  }
  for (const origin of ['http://localhost:5173', 'https://127.0.0.1', 'http://[::1]:8080']) {
    assert.ok(!isOfForeignPage({ origin }), origin);
  }
  for (const origin of [
    'null',
    '',
    'file://',
    'http://localhost.evil.example',
    'http://a@localhost',
    'app://localhost',
    'http://localhost/',
  ]) {
    assert.ok(isOfForeignPage({ origin }), origin);
  }
  assert.ok(isOfForeignPage({ 'sec-fetch-site': 'cross-site' }));
  assert.ok(!isOfForeignPage({}));
});
