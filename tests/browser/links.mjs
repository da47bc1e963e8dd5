// What becomes of a patient's link in the real world: opened by scanners before the patient, without cookies, in two tabs, on two devices, with the
// back button after sending, and behind the year of birth.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PHONE, fitsWidth, isAccessible, isTouchable, offersHelp, press, visitor } from './support.mjs';

const THANKS = 'Thank you. Your answers are in.';
const USED = 'These questions are already answered';
const NOT_ADDED = 'Your answers were sent before';

async function heading(page) {
  return (await page.getByRole('heading', { level: 1 }).textContent()).trim();
}

async function sendAll(page, link) {
  await page.goto(link);
  await press(page, page.getByRole('button', { name: 'Show all questions on one page' }));
  await fillAll(page);
  await press(page, page.getByRole('button', { name: 'Send my answers' }));
}

async function fillAll(page) {
  const groups = page.getByRole('group');
  for (let place = 0; place < await groups.count(); place += 1) await groups.nth(place).getByRole('radio').first().check();
}

/** As many visits as a scanner may make, of every kind, several at a time. */
async function scan(link, visits) {
  const kinds = [{}, { Purpose: 'prefetch' }, { 'Sec-Purpose': 'prefetch;prerender' }, { 'X-Moz': 'prefetch' }];
  const tails = ['', '/next', '/q/1', '/list/1', '/review', '/end', '/support', '/closed', '/not-now', '/send'];
  const visit = async (n) => {
    const method = n % 3 === 0 ? 'HEAD' : 'GET';
    const answer = await fetch(link + tails[n % tails.length], { method, headers: kinds[n % kinds.length], redirect: 'follow' });
    await answer.arrayBuffer();
    assert.ok(answer.status < 500, `${method} ${tails[n % tails.length]}: ${answer.status}`);
  };
  for (let n = 0; n < visits; n += 10) await Promise.all(Array.from({ length: 10 }, (_, more) => visit(n + more)));
}

export function linkTests(browser, demo) {
  const withoutScript = { viewport: PHONE, javaScriptEnabled: false };

  test('a scanner visits a link a thousand times, then the patient answers', async () => {
    const link = await demo().freshLink();
    await scan(link, 1000);
    const { page, close } = await visitor(browser(), demo(), withoutScript);
    await page.goto(link);
    await page.getByRole('button', { name: 'Start' }).waitFor();
    await sendAll(page, link);
    assert.equal(await heading(page), THANKS);
    await close();
  });

  test('a browser that keeps no cookies and runs no script answers all the same', async () => {
    const link = await demo().freshLink();
    const { page, context, close } = await visitor(browser(), demo(), withoutScript);
    await context.route('**/*', async (route) => {
      const headers = { ...route.request().headers() };
      delete headers.cookie;
      await route.continue({ headers });
    });
    await sendAll(page, link);
    assert.equal(await heading(page), THANKS);
    await close();
  });

  test('two tabs: both go on from what either saved, and the second to send is told that it is done', async () => {
    const link = await demo().freshLink();
    const { page: first, context, close } = await visitor(browser(), demo(), withoutScript);
    await first.goto(link);
    await press(first, first.getByRole('button', { name: 'Show all questions on one page' }));
    const second = await context.newPage();
    await second.goto(link);
    await press(second, second.getByRole('button', { name: 'Start' }));
    await second.getByRole('radio').nth(2).check();
    await press(second, second.getByRole('button', { name: 'Save and continue' }));
    await first.reload();
    assert.ok(await first.getByRole('group').first().getByRole('radio').nth(2).isChecked(), 'one tab sees what the other saved');
    await fillAll(first);
    await press(first, first.getByRole('button', { name: 'Send my answers' }));
    assert.equal(await heading(first), THANKS);
    await second.getByRole('radio').nth(1).check();
    await press(second, second.getByRole('button', { name: 'Save and continue' }));
    assert.equal(await heading(second), NOT_ADDED);
    await offersHelp(second);
    await second.goto(link);
    assert.equal(await heading(second), USED);
    await close();
  });

  test('two devices: what the phone saved is there on the other one, which sends; the phone is told', async () => {
    const link = await demo().freshLink();
    const phone = await visitor(browser(), demo(), withoutScript);
    await phone.page.goto(link);
    await press(phone.page, phone.page.getByRole('button', { name: 'Start' }));
    await phone.page.getByRole('radio').nth(1).check();
    await press(phone.page, phone.page.getByRole('button', { name: 'Save and continue' }));
    const desk = await visitor(browser(), demo());
    await desk.page.goto(link);
    await desk.page.getByText(/1 of your answers is saved/).waitFor();
    await press(desk.page, desk.page.getByRole('button', { name: 'Show all questions on one page' }));
    assert.ok(await desk.page.getByRole('group').first().getByRole('radio').nth(1).isChecked());
    await fillAll(desk.page);
    await press(desk.page, desk.page.getByRole('button', { name: 'Send my answers' }));
    assert.equal(await heading(desk.page), THANKS);
    await phone.page.getByRole('radio').nth(1).check();
    await press(phone.page, phone.page.getByRole('button', { name: 'Save and continue' }));
    assert.equal(await heading(phone.page), NOT_ADDED);
    await phone.close();
    await desk.close();
  });

  test('the back button after sending shows no question that could be answered again', async () => {
    const link = await demo().freshLink();
    const { page, close } = await visitor(browser(), demo(), { viewport: PHONE });
    await sendAll(page, link);
    assert.equal(await heading(page), THANKS);
    for (let step = 0; step < 2; step += 1) {
      await page.goBack();
      assert.equal(await heading(page), USED, `${step + 1} back`);
      assert.equal(await page.getByRole('radio').count(), 0);
    }
    await page.goForward();
    await page.goForward();
    assert.equal(await heading(page), THANKS);
    await close();
  });

  test('"not this time" is said on the first page and ends in a calm page with help', async () => {
    const link = await demo().freshLink();
    const { page, close } = await visitor(browser(), demo(), { viewport: PHONE });
    await page.goto(link);
    await page.getByText('Not this time', { exact: true }).click();
    await fitsWidth(page);
    await isTouchable(page);
    await isAccessible(page);
    await press(page, page.getByRole('button', { name: 'Leave them out this time' }));
    assert.equal(await heading(page), 'That is all right');
    await offersHelp(page);
    await isAccessible(page);
    await page.goBack();
    assert.equal(await heading(page), 'You left these questions out this time');
    await close();
  });
}
