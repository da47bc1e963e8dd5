// The whole browser run: one demo, one Chromium, the tests of each user's pages one after the other.
//
//   npm ci && ATTUNE_BINARY=../../target/debug/attune npm test
//
// ATTUNE_PICTURES=1 also makes the pictures in docs/pictures anew. ATTUNE_CHROMIUM names another browser.

import { after, before } from 'node:test';
import { linkTests } from './links.mjs';
import { patientTests } from './patient.mjs';
import { staffTests } from './staff.mjs';
import { Demo, launch } from './support.mjs';
import { tabletTests } from './tablet.mjs';

let demo;
let browser;

before(async () => {
  [demo, browser] = await Promise.all([Demo.start(), launch()]);
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

patientTests(() => browser, () => demo);
staffTests(() => browser, () => demo);
linkTests(() => browser, () => demo);
tabletTests(() => browser, () => demo);
