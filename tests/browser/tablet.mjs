// The waiting room's tablet: staff hand a form over by a code, the patient answers and hands it back, and nothing of it is left behind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PHONE, fitsWidth, isAccessible, isTouchable, offersHelp, press, visitor } from './support.mjs';

const TABLET = { viewport: { width: 768, height: 1024 } };
const READY = 'This tablet is ready';
const NOTHING = 'There is nothing more to see here';

async function heading(page) {
  return (await page.getByRole('heading', { level: 1 }).textContent()).trim();
}

async function signIn(page, demo) {
  const { email, password } = demo.signIn('therapist');
  await page.goto('/sign-in');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await press(page, page.getByRole('button', { name: 'Sign in' }));
}

/** Staff press "Hand over a tablet" on the first patient of the list; the code as it is shown. */
async function code(page) {
  await page.goto('/caseload');
  await press(page, page.locator('tbody a[href^="/patients/"]').first());
  const boxes = page.locator('#give input[type=checkbox]');
  for (let n = 0; n < await boxes.count(); n += 1) await boxes.nth(n).setChecked(await boxes.nth(n).getAttribute('value') === 'phq9');
  await press(page, page.getByRole('button', { name: 'Hand over a tablet' }));
  return (await page.locator('.code').textContent()).trim();
}

async function pair(page, typed) {
  await page.getByLabel('Code').fill(typed);
  await press(page, page.getByRole('button', { name: 'Open' }));
}

export function tabletTests(browser, demo) {
  test('a tablet is paired, answered, handed back, and shows nothing of it to the next person', async () => {
    const staff = await visitor(browser(), demo());
    await signIn(staff.page, demo());
    const shown = await code(staff.page);
    assert.match(shown, /^[2-9A-HJ-NP-Z]{3}-[2-9A-HJ-NP-Z]{3}$/);
    await fitsWidth(staff.page);
    await isAccessible(staff.page);

    const { page, close } = await visitor(browser(), demo(), TABLET);
    await page.goto('/tablet');
    assert.equal(await heading(page), READY);
    for (const size of [PHONE, TABLET.viewport]) {
      await page.setViewportSize(size);
      await fitsWidth(page);
    }
    await isTouchable(page);
    await isAccessible(page);
    await pair(page, shown.toLowerCase());
    const first = page.url();
    await page.getByRole('button', { name: 'Hand the tablet back' }).waitFor();
    // The page that comes by itself asks first and waits a minute (WCAG 2.2.1), which axe cannot see.
    await isAccessible(page, ['meta-refresh']);
    await offersHelp(page);
    await fitsWidth(page);
    await page.goto(`${first}/idle`);
    assert.equal(await heading(page), 'Are you still there?');
    await isAccessible(page, ['meta-refresh']);
    await press(page, page.getByRole('link', { name: 'Yes, go on' }));
    await page.goto(first);
    // Never all questions at once: the page is given up after some minutes, with what nobody saved.
    assert.equal(await page.getByRole('button', { name: 'Show all questions on one page' }).count(), 0);
    await press(page, page.getByRole('button', { name: 'Start' }));
    while (await page.getByRole('radio').count() > 0) {
      assert.equal(await page.getByRole('group').count(), 1);
      await page.getByRole('radio').first().check();
      await press(page, page.getByRole('button', { name: 'Save and continue' }));
    }
    await press(page, page.getByRole('button', { name: 'Send my answers' }));
    assert.equal(await heading(page), 'Thank you. Your answers are in.');
    await press(page, page.getByRole('button', { name: 'Hand the tablet back' }));
    assert.equal(await heading(page), READY);
    await page.getByText('Please give the tablet back').waitFor();

    for (let step = 1; step <= 4; step += 1) {
      await page.goBack();
      assert.ok([NOTHING, READY].includes(await heading(page)), `${step} back: ${await heading(page)}`);
      assert.doesNotMatch(await page.locator('main').textContent(), /We received|Question|bothered/);
    }
    await page.goto(first);
    assert.equal(await heading(page), NOTHING);
    await page.goto('/tablet');
    await pair(page, shown);
    await page.getByText('This code was used already').waitFor();
    await close();
    await staff.close();
  });

  test('a staff member’s own browser that becomes a tablet leads to no staff page any more', async () => {
    const { page, close } = await visitor(browser(), demo(), TABLET);
    await signIn(page, demo());
    const shown = await code(page);
    await page.goto('/tablet');
    await pair(page, shown);
    await page.getByRole('button', { name: 'Hand the tablet back' }).waitFor();
    // Back to the pairing page; before that came the page with the code, of which the browser has nothing left to show.
    await page.goBack();
    assert.equal(await heading(page), READY);
    for (const path of ['/', '/caseload', '/queue', '/tasks', '/admin']) {
      await page.goto(path);
      assert.match(page.url(), /\/sign-in$/);
    }
    await close();
  });

  test('handing back in the middle keeps what was saved and leaves nothing on the tablet', async () => {
    const staff = await visitor(browser(), demo());
    await signIn(staff.page, demo());
    const shown = await code(staff.page);
    const { page, close } = await visitor(browser(), demo(), { ...TABLET, javaScriptEnabled: false });
    await page.goto(`/tablet?code=${shown.replace('-', '')}`);
    await press(page, page.getByRole('button', { name: 'Open' }));
    await press(page, page.getByRole('button', { name: 'Start' }));
    await page.getByRole('radio').nth(3).check();
    await press(page, page.getByRole('button', { name: 'Save and continue' }));
    await press(page, page.getByRole('button', { name: 'Hand the tablet back' }));
    assert.equal(await heading(page), READY);
    await page.goBack();
    assert.equal(await heading(page), NOTHING);
    await close();
    await staff.close();
  });
}
