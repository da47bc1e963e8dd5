// The patient's way through the questions, as a person with a phone goes it: without JavaScript, then with it under
// axe-core, at 320 px, by keyboard, on two devices, going back, sending twice, closing the browser in the middle.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PHONE, fitsWidth, isAccessible, isLight, isTouchable, offersHelp, picture, press, pressKey, visitor } from './support.mjs';

const PHQ9_ITEM_9 = 9;
const PHONE_PICTURE = { width: 375, height: 760 };
const REVIEW = 'Check your answers, then send them';

/** What must hold on every page of the patient's. */
async function sound(page) {
  await fitsWidth(page);
  await isTouchable(page);
  await offersHelp(page);
}

async function step(page) {
  const words = await page.locator('.step').textContent();
  const [, number, total] = words.match(/Question (\d+) of (\d+)/);
  return { number: Number(number), total: Number(total) };
}

async function heading(page) {
  return (await page.getByRole('heading', { level: 1 }).textContent()).trim();
}

async function answer(page, place) {
  await page.getByRole('radio').nth(place).check();
  await press(page, page.getByRole('button', { name: 'Save and continue' }));
}

/** From the page that shows, answers with `place` up to and including question `last`. */
async function answerUpTo(page, last, place) {
  for (;;) {
    const { number } = await step(page);
    await sound(page);
    await answer(page, place);
    if (number >= last) return;
  }
}

export function patientTests(browser, demo) {
  const withoutScript = { viewport: PHONE, javaScriptEnabled: false };

  test('a patient answers one question a page, without JavaScript, on a small phone', async () => {
    const { page, close } = await visitor(browser(), demo(), withoutScript);
    await page.goto(await demo().freshLink());
    assert.equal(await heading(page), 'A few questions about how you are');
    await page.getByText('Nobody watches this page live').waitFor();
    await sound(page);
    const folds = await Promise.all((await page.locator('summary').all()).map((fold) => fold.boundingBox()));
    assert.equal(folds.length, 2);
    assert.ok(folds[1].y - folds[0].y - folds[0].height < 4, 'the folds stand together');
    await press(page, page.getByRole('button', { name: 'Start' }));
    const { number, total } = await step(page);
    assert.equal(number, 1);
    assert.ok(total >= 9);

    await press(page, page.getByRole('button', { name: 'Save and continue' }));
    await page.getByRole('heading', { name: 'You have not chosen an answer' }).waitFor();
    assert.match(await page.title(), /^Error: /);
    await sound(page);

    await answerUpTo(page, PHQ9_ITEM_9 - 1, 1);
    assert.equal((await step(page)).number, PHQ9_ITEM_9);
    await answerUpTo(page, total, 0);
    assert.equal(await heading(page), REVIEW);
    await sound(page);

    await press(page, page.getByRole('link', { name: 'Change answer 2', exact: false }).first());
    assert.equal((await step(page)).number, 2);
    assert.ok(await page.getByRole('radio').nth(1).isChecked(), 'the saved answer is marked');
    await answer(page, 3);
    assert.equal(await heading(page), REVIEW, 'one answer changed leads back at once');
    await press(page, page.getByRole('button', { name: 'Send my answers' }));
    assert.equal(await heading(page), 'Thank you. Your answers are in.');
    await sound(page);

    await page.reload();
    assert.equal(await heading(page), 'Thank you. Your answers are in.');
    await page.goBack();
    assert.ok(await heading(page), 'going back shows a page');
    await close();
  });

  test('an answer of 1 to item 9 shows help at once, and is kept when the browser is closed there', async () => {
    const link = await demo().freshLink();
    const first = await visitor(browser(), demo(), withoutScript);
    await first.page.goto(link);
    await press(first.page, first.page.getByRole('button', { name: 'Start' }));
    await answerUpTo(first.page, PHQ9_ITEM_9 - 1, 0);
    await answer(first.page, 1);
    assert.match(await heading(first.page), /You do not have to be alone/);
    await first.page.getByText('Nobody is watching this page now').waitFor();
    await sound(first.page);
    await picture(first.page, 'patient-support', PHONE_PICTURE);
    await first.close();

    const second = await visitor(browser(), demo(), withoutScript);
    await second.page.goto(link);
    await second.page.getByText(/9 of your answers are saved/).waitFor();
    await second.close();
  });

  test('the same link goes on at the first open question on another device', async () => {
    const link = await demo().freshLink();
    const phone = await visitor(browser(), demo(), withoutScript);
    await phone.page.goto(link);
    await press(phone.page, phone.page.getByRole('button', { name: 'Start' }));
    await answerUpTo(phone.page, 3, 2);
    const desk = await visitor(browser(), demo(), { javaScriptEnabled: false });
    await desk.page.goto(link);
    await desk.page.getByText('3 of your answers are saved').waitFor();
    await press(desk.page, desk.page.getByRole('button', { name: 'Go on where you stopped' }));
    assert.equal((await step(desk.page)).number, 4);
    await phone.close();
    await desk.close();
  });

  test('all questions on one page: gaps are named, sending twice is one submission', async () => {
    const link = await demo().freshLink();
    const { page, context, close } = await visitor(browser(), demo(), withoutScript);
    await page.goto(link);
    await press(page, page.getByRole('button', { name: 'Show all questions on one page' }));
    const groups = page.getByRole('group');
    const count = await groups.count();
    assert.ok(count >= 9);
    await sound(page);
    for (let place = 1; place < count; place += 1) await groups.nth(place).getByRole('radio').first().check();
    await press(page, page.getByRole('button', { name: 'Send my answers' }));
    await page.getByRole('heading', { name: '1 question has no answer yet' }).waitFor();
    assert.ok(await groups.nth(1).getByRole('radio').first().isChecked(), 'nothing chosen is lost');
    await sound(page);
    await groups.first().getByRole('radio').nth(2).check();

    // The same form, filled in and sent by a second page of the same browser and then by the first: a double click.
    const twin = await context.newPage();
    await twin.goto(page.url());
    for (let place = 0; place < count; place += 1) {
      await twin.getByRole('group').nth(place).getByRole('radio').nth(place === 0 ? 2 : 0).check();
    }
    await press(twin, twin.getByRole('button', { name: 'Send my answers' }));
    assert.equal(await heading(twin), 'Thank you. Your answers are in.');
    await press(page, page.getByRole('button', { name: 'Send my answers' }));
    assert.match(await heading(page), /^(Thank you. Your answers are in.|These questions are already answered)$/);
    await close();
  });

  test('a form can be filled in and sent by keyboard alone', async () => {
    const { page, close } = await visitor(browser(), demo(), withoutScript);
    await page.goto(await demo().freshLink());
    await page.getByRole('button', { name: 'Start' }).focus();
    await pressKey(page, 'Enter');
    const { total } = await step(page);
    for (let number = 1; number <= total; number += 1) {
      await page.getByRole('radio').first().focus();
      await page.keyboard.press('Space');
      await pressKey(page, 'Enter');
    }
    assert.equal(await heading(page), REVIEW);
    await page.getByRole('button', { name: 'Send my answers' }).focus();
    await pressKey(page, 'Enter');
    assert.equal(await heading(page), 'Thank you. Your answers are in.');
    await close();
  });

  test('"This is not for me" closes the link, and a mistyped link gets a calm page', async () => {
    const link = await demo().freshLink();
    const { page, close } = await visitor(browser(), demo(), withoutScript);
    await page.goto(link);
    await page.getByText('This is not for me').click();
    await press(page, page.getByRole('button', { name: 'Close this link' }));
    assert.equal(await heading(page), 'Thank you for telling us');
    await sound(page);
    const closed = await page.goto(link);
    assert.ok(closed.status() < 500);
    assert.match(await heading(page), /closed with “This is not for me”/);
    await sound(page);
    const mistyped = await page.goto(`${link.slice(0, -4)}AAAA`);
    assert.equal(mistyped.status(), 404);
    assert.equal(await heading(page), 'We cannot find this page');
    await sound(page);
    await close();
  });

  test('a patient changes to Spanish, answers everything there without JavaScript, and loses nothing on the way', async () => {
    const { page, close } = await visitor(browser(), demo(), withoutScript);
    const link = await demo().freshLink();
    const inSpanish = async () => {
      assert.equal(await page.locator('html').getAttribute('lang'), 'es');
      await sound(page);
    };
    const save = () => press(page, page.getByRole('button', { name: 'Guardar y continuar' }));
    await page.goto(link);
    await press(page, page.getByRole('link', { name: 'Español' }));
    await inSpanish();
    assert.equal(await heading(page), 'Algunas preguntas sobre cómo está usted');
    await page.getByText('Nadie está viendo esta página').waitFor();
    await press(page, page.getByRole('button', { name: 'Empezar' }));

    // Nothing chosen, then a choice that goes with a change of the language, there and back.
    await save();
    await page.getByRole('heading', { name: 'Todavía no ha elegido una respuesta' }).waitFor();
    await inSpanish();
    await page.getByRole('radio').nth(2).check();
    await press(page, page.getByRole('button', { name: 'English' }));
    assert.equal((await step(page)).number, 1);
    assert.ok(await page.getByRole('radio').nth(2).isChecked(), 'what was chosen came along');
    await press(page, page.getByRole('button', { name: 'Español' }));
    assert.ok(await page.getByRole('radio').nth(2).isChecked());

    for (let number = 1; await heading(page) !== 'Revise sus respuestas y luego envíelas'; number += 1) {
      await inSpanish();
      assert.ok((await page.locator('.step').textContent()).includes(`Pregunta ${number} de `));
      const place = number === PHQ9_ITEM_9 ? 1 : 0;
      await page.getByRole('radio').nth(place).focus();
      await page.keyboard.press('Space');
      await pressKey(page, 'Enter');
      if (number !== PHQ9_ITEM_9) continue;
      assert.match(await heading(page), /^Gracias por decirnos esto/);
      await page.getByRole('main').getByText('Oprima 2').waitFor();
      await inSpanish();
      await press(page, page.getByRole('link', { name: 'Continuar' }));
    }
    await inSpanish();
    await press(page, page.getByRole('button', { name: 'Enviar mis respuestas' }));
    assert.equal(await heading(page), 'Gracias. Ya recibimos sus respuestas.');
    await inSpanish();
    await page.goto(link);
    assert.equal(await heading(page), 'Estas preguntas ya están contestadas');
    await inSpanish();
    await close();
  });

  test('a list keeps what is chosen when its language is changed, and axe-core finds nothing serious in Spanish', async () => {
    const { page, context, close } = await visitor(browser(), demo(), { viewport: PHONE });
    const link = await demo().freshLink();
    await page.goto(`${link}?lang=es`);
    await isAccessible(page);
    await press(page, page.getByRole('button', { name: 'Ver todas las preguntas en una página' }));
    const groups = page.getByRole('group');
    const count = await groups.count();
    for (let place = 1; place < count; place += 1) await groups.nth(place).getByRole('radio').first().check();
    await press(page, page.getByRole('button', { name: 'English' }));
    await press(page, page.getByRole('button', { name: 'Español' }));
    assert.equal(await page.getByRole('radio', { checked: true }).count(), count - 1);
    await sound(page);
    await isAccessible(page);
    await press(page, page.getByRole('button', { name: 'Enviar mis respuestas' }));
    await page.getByRole('heading', { name: 'Falta la respuesta a 1 pregunta' }).waitFor();
    await sound(page);
    await isAccessible(page);
    await isLight(context, page.url());
    await page.goto(link.replace(/.{4}$/, 'AAAA?lang=es'));
    assert.equal(await heading(page), 'No podemos encontrar esta página');
    await isAccessible(page);
    await close();
  });

  test('axe-core finds nothing serious on any page of the patient, by day and by night', async () => {
    for (const colorScheme of ['light', 'dark']) {
      const { page, context, close } = await visitor(browser(), demo(), { viewport: PHONE, colorScheme });
      const link = await demo().freshLink();
      await page.goto(link);
      await isAccessible(page);
      await press(page, page.getByRole('button', { name: 'Start' }));
      if (colorScheme === 'light') await picture(page, 'patient-question', PHONE_PICTURE);
      await isAccessible(page);
      await press(page, page.getByRole('button', { name: 'Save and continue' }));
      await isAccessible(page);
      await answerUpTo(page, PHQ9_ITEM_9 - 1, 1);
      await answer(page, 2);
      await isAccessible(page);
      await press(page, page.getByRole('link', { name: 'Continue' }));
      while (await heading(page) !== REVIEW) await answer(page, 0);
      await isAccessible(page);
      await press(page, page.getByRole('button', { name: 'Send my answers' }));
      assert.equal(await heading(page), 'Thank you. Your answers are in.');
      await isAccessible(page);
      const list = await demo().freshLink();
      await page.goto(list);
      await press(page, page.getByRole('button', { name: 'Show all questions on one page' }));
      await isAccessible(page);
      await isLight(context, list);
      await isLight(context, page.url());
      await page.goto(`${link.slice(0, -4)}AAAA`);
      await isAccessible(page);
      await close();
    }
  });

  test('a whole list of boxes to tick and a page to write on, without JavaScript, on a small phone', async () => {
    const { page, close } = await visitor(browser(), demo(), withoutScript);
    await page.goto(await demo().freshLink('lec5,session_check'));
    await press(page, page.getByRole('button', { name: 'Show all questions on one page' }));
    await sound(page);
    const questions = page.getByRole('group');
    assert.equal(await questions.count(), 17);
    for (let number = 0; number < 17; number += 1) {
      const boxes = questions.nth(number).getByRole('checkbox');
      await boxes.nth(number % 5).check();
      if (number % 4 === 0) await boxes.nth((number + 1) % 5).check();
    }
    await press(page, page.getByRole('button', { name: 'Save and continue' }));
    await page.getByText('Part 2 of 2').waitFor();
    await sound(page);
    for (let number = 0; number < 4; number += 1) await page.getByRole('group').nth(number).getByRole('radio').nth(3).check();
    await page.getByText('Nobody reads this right away').waitFor();
    const words = page.getByRole('textbox', { name: 'In your own words' });
    await words.fill('x'.repeat(2001));
    await press(page, page.getByRole('button', { name: 'Send my answers' }));
    await page.getByRole('heading', { name: 'Please check 1 answer' }).waitFor();
    assert.match(await page.title(), /^Error: /);
    assert.equal((await words.inputValue()).length, 2001, 'what was written is still there');
    await sound(page);
    await words.fill('More time at the end, please.\n\nThank you.');
    await press(page, page.getByRole('button', { name: 'Send my answers' }));
    assert.equal(await heading(page), 'Thank you. Your answers are in.');
    await close();
  });

  test('ticks, numbers and words one question a page are accessible, with and without a complaint', async () => {
    const { page, close } = await visitor(browser(), demo(), { viewport: PHONE });
    // Its owner asks for a permission; in the demo nobody has recorded one.
    await demo().command('instrument', 'permit', 'crafft', '--reference', 'letter of 3 March', '--holder', 'the owner, to the demo');
    const link = await demo().freshLink('crafft,lec5,session_check');
    await page.goto(`${link}/q/1`);
    const number = page.getByRole('textbox', { name: 'A whole number from 0 to 366' });
    await number.fill('often');
    await press(page, page.getByRole('button', { name: 'Save and continue' }));
    await page.getByRole('heading', { name: 'Please check what you wrote' }).waitFor();
    assert.equal(await number.inputValue(), 'often');
    await sound(page);
    await isAccessible(page);
    await press(page, page.getByRole('button', { name: 'Skip this question' }));
    assert.equal((await step(page)).number, 2);
    const { total } = await step(page);
    for (const place of [total - 21, total - 5, total]) {
      await page.goto(`${link}/q/${place}`);
      await sound(page);
      await isAccessible(page);
    }
    // What cannot be kept, and asks for help: help comes first, and nothing that was written is lost.
    await page.getByRole('textbox').fill(`I want to die. ${'x'.repeat(2000)}`);
    await press(page, page.getByRole('button', { name: 'Save and continue' }));
    const headings = await page.getByRole('heading').allTextContents();
    assert.match(headings[0], /^Thank you for telling us/);
    assert.equal(headings[1], 'Please check what you wrote');
    assert.equal((await page.getByRole('textbox').inputValue()).length, 2015);
    await sound(page);
    await isAccessible(page);
    await page.getByRole('textbox').fill('It helped.');
    await press(page, page.getByRole('button', { name: 'Save and continue' }));
    await page.getByText('You chose not to answer').waitFor();
    await page.getByText('It helped.').waitFor();
    await sound(page);
    await isAccessible(page);
    for (const part of [1, 2, 3]) {
      await page.goto(`${link}/list/${part}`);
      await sound(page);
      await isAccessible(page);
    }
    await page.goto(`${await demo().freshLink('psc17')}`);
    await page.getByText('parent or caregiver').waitFor();
    await isAccessible(page);
    await close();
  });
}
