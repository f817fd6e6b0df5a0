/** A program that does what it is sent: a JSON object on each line, answered by one. */

import { createInterface } from 'node:readline';

export async function serve<Request>(perform: (request: Request) => Promise<unknown>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await perform(JSON.parse(line) as Request).catch((error: unknown) => ({ error: String(error) }));
    process.stdout.write(`${JSON.stringify(answer ?? {})}\n`);
  }
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
