// The therapist's, the quality team's and the administrator's pages, as each of them uses them: signing in, finding who
// needs somebody, reading an answer, acting on a flag, evaluating; and axe-core on every page they reach.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE, fitsWidth, isAccessible, picture, press, visitor } from './support.mjs';

const TOO_MANY_PAGES = 40;

async function heading(page) {
  return (await page.getByRole('heading', { level: 1 }).textContent()).trim();
}

async function signIn(page, demo, role) {
  const { email, password } = demo.signIn(role);
  await page.goto('/');
  assert.equal(await heading(page), 'Sign in');
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(password);
  await press(page, page.getByRole('button', { name: 'Sign in' }));
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

/** A patient answers `place` to every question, in the compact list, and sends. */
async function answersAll(browser, demo, link, place) {
  const { page, close } = await visitor(browser, demo, { viewport: PHONE, javaScriptEnabled: false });
  await page.goto(link);
  await press(page, page.getByRole('button', { name: 'Show all questions on one page' }));
  const groups = page.getByRole('group');
  for (let number = 0; number < await groups.count(); number += 1) {
    await groups.nth(number).getByRole('radio').nth(place).check();
  }
  await press(page, page.getByRole('button', { name: 'Send my answers' }));
  const onward = page.getByRole('link', { name: 'Continue' });
  if (await onward.count()) await press(page, onward);
  assert.equal(await heading(page), 'Thank you. Your answers are in.');
  await close();
}

/** The same page by its kind: one patient's page stands for all. */
function kind(path) {
  return path.replace(/[0-9a-f]{32}/g, 'ID').replace(/\?.*/, '').replace(/^\/instruments\/.+/, '/instruments/ID');
}

/** One address for each kind of page this person can reach by links. */
async function reachable(page, from) {
  const known = new Map([[kind(from), from]]);
  for (const [, address] of known) {
    assert.ok(known.size < TOO_MANY_PAGES, `too many kinds of page: ${[...known.keys()]}`);
    const answer = await page.goto(address);
    assert.equal(answer.status(), 200, address);
    const links = await page.locator('a[href^="/"]').evaluateAll((all) => all.map((link) => link.getAttribute('href').replace(/#.*/, '')));
    for (const link of links) {
      // A file to keep is no page.
      if (link && !/\.csv(\?|$)/.test(link) && !known.has(kind(link))) known.set(kind(link), link);
    }
  }
  return [...known.values()];
}

export function staffTests(browser, demo) {
  test('a wrong password is refused without saying which half was wrong', async () => {
    const { page, close } = await visitor(browser(), demo(), { javaScriptEnabled: false });
    await page.goto('/sign-in');
    await page.getByLabel('E-mail address').fill(demo().signIn('therapist').email);
    await page.getByLabel('Password').fill('not the password at all');
    await press(page, page.getByRole('button', { name: 'Sign in' }));
    const known = await page.getByRole('alert').textContent();
    await page.getByLabel('E-mail address').fill('nobody@example.org');
    await page.getByLabel('Password').fill('not the password at all');
    await press(page, page.getByRole('button', { name: 'Sign in' }));
    assert.equal(await page.getByRole('alert').textContent(), known);
    await close();
  });

  test('the therapist finds on the caseload who needs somebody and reads the course', async () => {
    const { page, close } = await visitor(browser(), demo(), { javaScriptEnabled: false });
    await signIn(page, demo(), 'therapist');
    assert.equal(await heading(page), 'Caseload');
    const rows = page.locator('tbody tr');
    assert.ok(await rows.count() > 5);
    await picture(page, 'caseload');
    await fitsWidth(page);
    await press(page, rows.filter({ has: page.locator('svg') }).first().getByRole('rowheader').getByRole('link'));
    await page.locator('svg').first().waitFor();
    assert.ok(await page.getByRole('table').count() > 0, 'the numbers stand below the chart');
    await picture(page, 'patient');
    await close();
  });

  test('an answer above zero to item 9 is in the queue at once; taking it on and closing it are two acts', async () => {
    const { page, close } = await visitor(browser(), demo(), { javaScriptEnabled: false });
    await signIn(page, demo(), 'therapist');
    const caseload = page.url();
    await page.goto('/queue');
    const cards = page.locator('tr.flag');
    const before = await cards.count();

    await page.goto(caseload);
    const patient = page.locator('tbody tr').last().getByRole('rowheader').getByRole('link');
    const name = await patient.textContent();
    await press(page, patient);
    for (const box of await page.getByRole('checkbox').all()) await box.setChecked((await box.getAttribute('value')) === 'phq9');
    await press(page, page.getByRole('button', { name: 'Make the link' }));
    await answersAll(browser(), demo(), await page.getByRole('textbox', { name: 'Link' }).inputValue(), 1);

    await page.goto('/queue');
    assert.equal(await cards.count(), before + 1);
    await picture(page, 'queue');
    const id = await cards.filter({ hasText: name }).first().getAttribute('id');
    const card = page.locator(`#${id}`);
    await press(page, card.getByRole('rowheader').getByRole('link'));
    // Near midnight the deadline is on another day.
    await page.locator('.badge', { hasText: 'acknowledge by' }).evaluate((due) => { due.textContent = 'acknowledge by Wed 30 Sep, 00:46, in 48 min'; });
    await page.setViewportSize(PHONE);
    await fitsWidth(page);
    await page.setViewportSize(DESK);
    await page.goto('/queue');
    await press(page, card.getByRole('button', { name: /^I have it/ }));
    await page.goto('/queue');
    assert.equal(await card.count(), 1, 'taking it on does not close it');
    await press(page, card.getByRole('rowheader').getByRole('link'));
    const address = page.url();
    await page.getByLabel('Your assessment').fill('Called, spoke about the week.');
    await press(page, page.getByRole('button', { name: 'Close with assessment' }));
    assert.equal(await page.getByRole('alert').getByRole('link').count(), 5, 'everything that is missing is named at once');
    assert.equal(await page.getByLabel('Your assessment').inputValue(), 'Called, spoke about the week.');
    await page.setViewportSize(PHONE);
    await fitsWidth(page);
    await page.setViewportSize(DESK);
    await page.getByLabel('Thoughts of death or suicide').check();
    await page.getByLabel('Not settled').check();
    await page.getByLabel('The plan', { exact: true }).fill('Seen on Thursday.');
    await page.getByLabel('By phone').check();
    await page.getByLabel('… or why nobody has to').fill('Seen on Thursday in any case.');
    await press(page, page.getByRole('button', { name: 'Close with assessment' }));
    await page.goto('/queue');
    assert.equal(await card.count(), 0, 'a closed flag leaves the queue');
    await page.goto(address);
    await page.getByText('Called, spoke about the week').first().waitFor();
    await close();
  });

  test('the queue says that it has changed, moves nothing and takes no focus', async () => {
    const { page, close } = await visitor(browser(), demo());
    await signIn(page, demo(), 'therapist');
    await page.goto('/queue');
    const rows = page.locator('tr.flag');
    const before = await rows.count();
    await page.getByRole('link', { name: 'Mine' }).focus();
    // Whoever answers may be another clinic's: several do.
    for (let place = 0; place < 6; place += 1) await answersAll(browser(), demo(), await demo().freshLink(), 3);
    await page.getByText('The queue has changed.').waitFor({ timeout: 15_000 });
    assert.equal(await rows.count(), before, 'nothing is loaded by itself');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Mine');
    await press(page, page.getByRole('link', { name: 'Look again' }));
    assert.ok(await rows.count() > before);
    await close();
  });

  test('the quality team evaluates and sees no name', async () => {
    const { page, close } = await visitor(browser(), demo(), { javaScriptEnabled: false });
    await signIn(page, demo(), 'quality team');
    await page.goto('/evaluation');
    const measure = page.getByLabel('Measure');
    const phq9 = await measure.getByRole('option').filter({ hasText: 'PHQ-9' }).first().getAttribute('value');
    await measure.selectOption(phq9);
    await press(page, page.getByRole('button', { name: 'Show' }));
    assert.ok(await page.getByRole('table').count() > 0);
    await picture(page, 'evaluation');
    for (const closed of ['/caseload', '/queue', '/patients/new', '/admin']) {
      assert.equal((await page.goto(closed)).status(), 403, closed);
    }
    await close();
  });

  test('the demo shows the mails that went out, and none says what they are about', async () => {
    const { page, close } = await visitor(browser(), demo(), { javaScriptEnabled: false });
    await answersAll(browser(), demo(), await demo().freshLink(), 2);
    await page.goto('/mailbox');
    assert.equal(await heading(page), 'Mailbox');
    const mails = page.locator('article.mail');
    for (let wait = 0; wait < 50 && !await mails.count(); wait += 1) {
      await page.waitForTimeout(200);
      await page.reload();
    }
    // A link's secret is chance and an address is its owner's: now and then one spells "gad".
    const words = (await mails.allTextContents()).join('\n').replace(/https?:\/\/\S+\/s\/[\w-]+|\S+@example\.org/g, '');
    assert.ok(words.length > 0, 'no mail within ten seconds');
    assert.doesNotMatch(words, /depress|anxi|suicid|PHQ|GAD|PCL|score|trauma|mental/i);
    await close();
  });

  for (const role of ['therapist', 'supervisor', 'quality team', 'administrator']) {
    test(`axe-core finds nothing serious on any page of the ${role}, and each fits a small phone`, async () => {
      const { page, close } = await visitor(browser(), demo(), { viewport: DESK });
      await page.goto('/sign-in');
      await isAccessible(page);
      await signIn(page, demo(), role);
      const pages = await reachable(page, new URL(page.url()).pathname);
      for (const address of pages) {
        await page.setViewportSize(DESK);
        await page.goto(address);
        await isAccessible(page);
        await page.setViewportSize(PHONE);
        await fitsWidth(page);
      }
      await close();
    });
  }

  test('the therapist records a rating of their own on the patient\'s page', async () => {
    const { page, close } = await visitor(browser(), demo(), { viewport: PHONE });
    await signIn(page, demo(), 'therapist');
    await press(page, page.locator('tbody tr').last().getByRole('rowheader').getByRole('link'));
    await page.getByLabel('Form', { exact: true }).selectOption('CGI');
    await press(page, page.getByRole('button', { name: 'Open the form' }));
    await page.getByText('You answer this form, about the patient.').waitFor();
    await fitsWidth(page);
    await isAccessible(page);
    // The first group asks for the day.
    await page.getByRole('group').nth(1).getByRole('radio').nth(3).check();
    await press(page, page.getByRole('button', { name: 'Record this form' }));
    await page.getByRole('heading', { name: '1 question has no answer' }).waitFor();
    await isAccessible(page);
    await page.getByRole('group').nth(2).getByRole('radio').nth(2).check();
    await press(page, page.getByRole('button', { name: 'Record this form' }));
    await page.getByText('entered by').first().waitFor();
    await page.getByText('Answered by the clinician.').waitFor();
    await isAccessible(page);
    await close();
  });
}
