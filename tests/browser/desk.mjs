// Drives the pages of whoever sells in a real browser: on a phone and on a desk, light and dark, with and without
// JavaScript, by mouse and by keyboard alone. people.mjs says how it is run.

import assert from 'node:assert/strict'

import { inABrowser, links, PHONE, programs, TYPING, until } from './people.mjs'

// Who reads the mail of the queue `sdr`, as the shipped catalog has it.
const QUEUE = 'robin.vale@perennial.example'

const DESK = { width: 1280, height: 900 }

const MODES = [
  { name: 'phone-light', viewport: PHONE, colorScheme: 'light', javaScript: true },
  { name: 'phone-dark-plain', viewport: PHONE, colorScheme: 'dark', javaScript: false },
  { name: 'desk-light-plain', viewport: DESK, colorScheme: 'light', javaScript: false },
  { name: 'desk-dark', viewport: DESK, colorScheme: 'dark', javaScript: true },
]

/** What somebody sends who wants to be called. */
async function writes (suite, person, address, firstName) {
  const { page } = person
  await page.goto(`${suite.url}/form`)
  await page.locator('[name=email]').fill(address)
  await page.locator('[name=phone]').fill('+49 30 901820')
  await page.locator('[name=first_name]').fill(firstName)
  await page.locator('[name=company]').fill('Marsh Lifts & Escalators')
  await page.locator('[name=message]').fill('We have eleven vans and no plan. Please call me in the morning.')
  await page.waitForTimeout(TYPING)
  await page.getByRole('button', { name: 'Send' }).click()
  await suite.mail(address, 'Your message to')
}

/** What the API says of a lead, as an operator. */
async function lead (suite, address) {
  const id = suite.says('desk', '--queue', 'sdr', '--lead', address).split('/').at(-1)
  const payload = Buffer.from(id.split('.')[2], 'base64url').toString()
  const answer = await fetch(`${suite.url}/v1/sales/leads/${payload.split('/')[0]}`, {
    headers: { authorization: `Bearer ${suite.says('desk', '--token')}` },
  })
  assert.equal(answer.status, 200)
  return answer.json()
}

async function told (suite, address, outcome) {
  const { past } = await lead(suite, address)
  return past.filter(({ type, ...event }) => type === 'disposition.recorded' && (event.outcome === outcome || event.attempt === outcome))
}

async function opens (suite, person, address) {
  await person.opens(suite.says('desk', '--queue', 'sdr', '--lead', address))
}

const inDays = days => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

/** A press of a button that says more than its name. */
async function chooses (person, name) {
  const button = person.page.getByRole('button', { name })
  await Promise.all([person.page.waitForEvent('domcontentloaded'), button.click()])
}

async function unfolds (person, name) {
  await person.page.locator('summary', { hasText: name }).click()
}

async function worksOneLead (suite, person, address) {
  const { page } = person
  await writes(suite, person, address, 'Ada')
  // As the alert has it, which comes to the mailbox of whoever reads for the queue.
  const alert = await until('an alert', async () => (await suite.mails(QUEUE)).find(mail => mail.text.includes(address)))
  await person.opens(links(alert, 'desk')[0])
  await person.sees('Ada')
  await person.looks('desk-lead')
  assert.equal(await page.getByRole('link', { name: /^Call/ }).getAttribute('href'), 'tel:+4930901820')
  assert.match(await page.locator('.card').innerText(), /They asked to be contacted/)

  // Twice, as a thumb does on a slow line.
  await page.getByRole('button', { name: 'No answer' }).dblclick()
  await until('the attempt is told', async () => (await told(suite, address, 'no_answer')).length > 0)
  await page.waitForTimeout(500)
  assert.equal((await told(suite, address, 'no_answer')).length, 1, 'two presses are one outcome')

  await opens(suite, person, address)
  await page.getByLabel('A note with it (optional)').first().fill('Wants it before the summer.')
  await person.presses('Spoke with them')
  assert.equal(await page.getByRole('status').innerText(), 'Saved: spoke with them.')
  await person.looks('desk-told')

  await person.presses('I take this lead on')
  assert.equal(await page.getByRole('status').innerText(), 'The lead is yours.')
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('role')), 'status')

  // A day that is over: said, and nothing that was filled in is lost.
  await unfolds(person, 'Turn back')
  await person.looks('desk-turn-back')
  await page.getByLabel('The day they named (optional)').fill(inDays(-30))
  await page.locator('#turn-back-note').fill('After their trade fair.')
  await chooses(person, /^Not now/)
  assert.match(await page.getByRole('alert').innerText(), /That day or time is over/)
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('role')), 'alert')
  assert.equal(await page.locator('#turn-back-note').inputValue(), 'After their trade fair.')
  assert.equal(await page.getByLabel('The day they named (optional)').inputValue(), inDays(-30))
  await person.looks('desk-refused')
  assert.equal(await page.getByRole('button', { name: /^No response/ }).count(), 0)

  await page.getByLabel('The day they named (optional)').fill(inDays(120))
  await chooses(person, /^Not now/)
  assert.match(await page.getByRole('status').innerText(), /^Turned back: not now\./)
  await person.looks('desk-turned-back')
  const { stage, notes, turnback } = await lead(suite, address)
  assert.deepEqual([stage, turnback.reason, notes.length], ['recycled', 'timing', 2])
}

async function looksThroughTheList (suite, person, address) {
  const { page } = person
  await writes(suite, person, address, 'Ben')
  await until('Ben is ready for sales', async () => (await lead(suite, address)).stage === 'mql')
  await person.opens(suite.says('desk', '--queue', 'sdr'))
  await person.sees('Your leads')
  await person.looks('desk-list')
  await Promise.all([page.waitForEvent('domcontentloaded'), page.getByRole('link', { name: /^Ben/ }).first().click()])
  await person.sees('Ben')
  await unfolds(person, 'Pause, or name a day')
  await page.getByLabel('No mails from us until').fill(inDays(14))
  await person.presses('Pause until then')
  assert.match(await page.getByRole('status').innerText(), /^Saved: paused our mails/)
  await unfolds(person, 'Pause, or name a day')
  await person.looks('desk-paused')
  await person.presses('Let our mails go on')
  await unfolds(person, 'Not a lead')
  await person.looks('desk-not-a-lead')
  await chooses(person, /^Looks for a job/)
  await person.looks('desk-disqualified')
  await person.presses('← All my leads')
  await person.sees('Your leads')
}

/** By the keyboard alone: every control is reached, in the order of the page, and shows that it is. */
async function usesTheKeyboard (suite, person, address) {
  const { page } = person
  await writes(suite, person, address, 'Cleo')
  await opens(suite, person, address)
  // Each fold is opened on the way, by the key that presses.
  const reached = []
  const wanted = () => page.evaluate(() => {
    const all = [...document.querySelectorAll('a[href],button:not([tabindex]),input:not([type=hidden]),select,textarea,summary')]
    const shown = all.filter(one => one.checkVisibility())
    return shown.map((one, at) => Object.assign(one, { place: at }) && at).length
  })
  await page.keyboard.press('Home')
  for (let presses = 0; presses < 300; presses++) {
    await page.keyboard.press('Tab')
    const focus = await page.evaluate(() => {
      const one = document.activeElement
      if (!one || one === document.body) return null
      const all = [...document.querySelectorAll('a[href],button:not([tabindex]),input:not([type=hidden]),select,textarea,summary')]
      const { outlineStyle, outlineWidth } = getComputedStyle(one)
      const { top, bottom } = one.getBoundingClientRect()
      return {
        tag: one.tagName, place: all.indexOf(one), outline: `${outlineStyle} ${outlineWidth}`,
        inView: bottom > 0 && top < innerHeight, name: one.innerText || one.labels?.[0]?.innerText || one.value,
        folded: one.tagName === 'SUMMARY' && !one.parentElement.open,
      }
    })
    if (!focus) break
    if (focus.folded) await page.keyboard.press('Enter')
    // A day's parts are stops of one control.
    if (focus.place === reached.at(-1)?.place) continue
    assert(focus.name, `a control has no name: ${JSON.stringify(focus)}`)
    assert.match(focus.outline, /^solid [2-9]/, `what has the focus does not show it: ${JSON.stringify(focus)}`)
    assert(focus.inView, `what has the focus is out of sight: ${JSON.stringify(focus)}`)
    reached.push(focus)
  }
  const places = reached.map(({ place }) => place)
  assert.deepEqual(places, [...places].sort((a, b) => a - b), 'the focus jumps about')
  const many = await wanted()
  assert.equal(places.length, many, `${many} controls, and ${places.length} were reached`)
  await person.looks('desk-unfolded')

  // And a press by it.
  await page.getByRole('button', { name: 'Left a voicemail' }).focus()
  await Promise.all([page.waitForEvent('domcontentloaded'), page.keyboard.press('Enter')])
  assert.equal(await page.getByRole('status').innerText(), 'Saved: left a voicemail.')
  // In a day's field the key that presses chooses no reason, and what was filled in stays.
  await unfolds(person, 'Turn back')
  await page.locator('#turn-back-date').fill(inDays(90))
  await Promise.all([page.waitForEvent('domcontentloaded'), page.locator('#turn-back-date').press('Enter')])
  assert.match(await page.getByRole('alert').innerText(), /press one of the reasons/)
  assert.equal(await page.locator('#turn-back-date').inputValue(), inDays(90))
  assert.equal((await told(suite, address, 'turned_back')).length, 0)
}

async function brokenLinks (suite, person) {
  const answer = await person.page.goto(`${suite.url}/v1/desk/v1.k1.broken.off`)
  assert.equal(answer.status(), 400)
  await person.sees('This link is not complete')
  await person.looks('desk-broken-link')
}

await inABrowser(async ({ start, person }) => {
  const suite = await start(programs)
  for (const mode of MODES) {
    for (const journey of [worksOneLead, looksThroughTheList, usesTheKeyboard, brokenLinks]) {
      const somebody = await person(mode)
      await journey(suite, somebody, `${journey.name.toLowerCase()}-${mode.name}@example.com`)
      await somebody.context.close()
      console.log(`${journey.name}, ${mode.name}: as it should be`)
    }
  }
})
