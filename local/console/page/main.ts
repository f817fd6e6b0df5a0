/** The page of `make local`. */

import { Desk } from './desk.ts';
import { attempt, byId } from './dom.ts';
import { Flow } from './flow.ts';
import { LocalAws } from './local_aws.ts';
import { Phone } from './phone.ts';

const UPDATES_EVERY_MS = 700;

async function start(): Promise<void> {
  const aws = new LocalAws();
  const run = await aws.run();
  const phone = new Phone(aws, run);
  const desk = new Desk(aws);
  const flow = new Flow(aws, () => phone.userId);
  const update = async (): Promise<void> => {
    try {
      const contacts = await aws.contacts();
      for (const part of [phone, flow, desk]) part.update(contacts);
      document.title = `In-app calling on this machine (${run.Environment})`;
    } catch {
      byId('failure').textContent = 'The local AWS does not answer: has `make local` ended?';
      byId('failure').hidden = false;
    }
    setTimeout(() => void update(), UPDATES_EVERY_MS);
  };
  await update();
}

void attempt(start);
