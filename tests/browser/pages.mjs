// Drives the pages behind the links of mails in a real browser, at the size of a phone, with and without JavaScript,
// against `perennial up` on a store of its own: as a person does who reads the mailbox. people.mjs says how it is run.

import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { inABrowser, links, programs, TYPING } from './people.mjs'

/** Sends the sample form, as a visitor of a website does. */
async function writes (suite, person, address) {
  const { page } = person
  await page.goto(`${suite.url}/form`)
  await page.locator('[name=email]').fill(address)
  await page.locator('[name=first_name]').fill('Ada')
  await page.waitForTimeout(TYPING)
  await page.getByRole('button', { name: 'Send' }).click()
  return suite.mail(address, 'You got in touch')
}

async function answersQuestions (suite, person, address) {
  const { page } = person
  await writes(suite, person, address)
  const asking = await suite.mail(address, 'How someone else did it')
  const [link] = links(asking, 'profile')
  await person.opens(link)
  await person.sees('A few quick questions')
  assert.equal(await page.getByRole('group').count(), 2)
  await person.looks('questions')

  await person.presses('Send')
  await person.sees('A few quick questions')
  assert.match(await page.getByRole('alert').innerText(), /at least one question/)
  await person.looks('questions-unanswered')

  await page.getByLabel('I run a team').check()
  await page.getByLabel('10-49').check()
  await person.presses('Send')
  await person.sees('Thank you')
  await person.looks('questions-answered')

  await person.presses('Answer a few more')
  await page.getByLabel('Which industry are you in?').fill('Lifts & escalators')
  await page.getByLabel('Keeping promised times').check()
  await person.looks('questions-more')
  await person.presses('Send')
  await person.sees('Thank you')

  // What is known is not asked again, neither here nor by mail.
  await person.opens(link)
  await person.sees('Thank you')
  assert.equal(await page.getByRole('radio').count(), 0)
  const peers = await suite.mail(address, 'They all started smaller')
  assert(!peers.text.includes('Which industry'), peers.text)
}

async function answersInOnePress (suite, person, address) {
  const { page } = person
  await writes(suite, person, address)
  const asking = await suite.mail(address, 'How is it with you')
  const choices = links(asking, 'profile')
  assert.equal(choices.length, 5)
  await person.opens(choices[1])
  await person.sees('Is this your answer?')
  assert.equal(await page.getByLabel('Within six months').isChecked(), true)
  await person.looks('one-press')
  await person.presses('Send')
  await person.sees('Thank you')
}

async function choosesAndLeaves (suite, person, address) {
  const { page } = person
  const mail = await writes(suite, person, address)
  const [preferences] = links(mail, 'preferences')
  await person.opens(preferences)
  await person.sees('What would you like to get?')
  const ideas = page.getByLabel('Ideas and examples, every two weeks')
  assert.equal(await ideas.isChecked(), true)
  await person.looks('preferences')
  await ideas.uncheck()
  await page.getByLabel('Do not record what I open and click').check()
  await person.presses('Save')
  await person.sees('Saved')
  await person.looks('preferences-saved')
  await person.presses('Change something else')
  assert.equal(await ideas.isChecked(), false)
  assert.equal(await page.getByLabel('Write to me less often').isChecked(), false)

  const [unsubscribe] = links(mail, 'unsubscribe')
  await person.opens(unsubscribe)
  await person.sees('Unsubscribe?')
  await person.looks('unsubscribe')
  await person.presses('Write to me less often instead')
  await person.sees('Saved')
  await person.opens(preferences)
  assert.equal(await page.getByLabel('Write to me less often').isChecked(), true)
  assert.equal(await ideas.isChecked(), false)

  await person.opens(unsubscribe)
  await person.presses('Unsubscribe')
  await person.sees('You are unsubscribed')
  await person.looks('unsubscribed')
  const before = (await suite.mails(address)).length
  await suite.passes(20)
  // One may have been on its way.
  assert((await suite.mails(address)).length <= before + 1, 'mail goes on after the unsubscribe')
  await person.opens(preferences)
  await person.looks('preferences-unsubscribed')
}

async function confirms (suite, person, address) {
  await writes(suite, person, address)
  const asking = await suite.mail(address, 'Shall we write to you?')
  const [link] = links(asking, 'opt-in')
  assert.equal(links(asking, 'preferences').length, 0)
  await suite.passes(4)
  assert.equal((await suite.mails(address)).length, 2, 'only the answer and the question go out before a yes')
  await person.opens(link)
  await person.sees('May we write to you?')
  await person.looks('opt-in')
  await person.presses('Yes, write to me')
  await person.sees('Thank you')
  await person.looks('opt-in-confirmed')
  await person.opens(link)
  await person.sees('You have confirmed this already')
  await suite.mail(address, 'Where I would start')

  const mail = (await suite.mails(address)).at(-1)
  await person.opens(links(mail, 'unsubscribe')[0])
  await person.presses('Unsubscribe')
  await person.opens(link)
  await person.sees('This question is closed')
  await person.looks('opt-in-closed')
}

async function brokenLink (suite, person) {
  const answer = await person.page.goto(`${suite.url}/v1/preferences/v1.k1.broken.off`)
  assert.equal(answer.status(), 400)
  await person.sees('This link is not complete')
  await person.looks('broken-link')
}

/** The shipped programs with a change to some of their files. */
function changed (directory, name, changes) {
  const copy = join(directory, name)
  cpSync(programs, copy, { recursive: true })
  for (const [file, from, to] of changes) {
    const text = readFileSync(join(copy, file), 'utf8')
    assert(text.includes(from), `${file} has no ${from}`)
    writeFileSync(join(copy, file), text.replace(from, to))
  }
  return copy
}

const MODES = [
  { name: 'script', javaScript: true, colorScheme: 'light' },
  { name: 'plain', javaScript: false, colorScheme: 'dark' },
]

const directory = mkdtempSync(join(tmpdir(), 'perennial-programs-'))
try {
  await inABrowser(async ({ start, person }) => {
    const shipped = await start(programs, '2d/s')
    const double = await start(changed(directory, 'double', [['catalog.toml', 'opt_in = "single"', 'opt_in = "double"']]), '12h/s')
    // Where one of the first mails has answers in one press.
    const question = ['welcome/touches/helpful-link.md', 'subject = "Where I would start"', 'subject = "How is it with you?"']
    const choices = ['welcome/touches/helpful-link.md', '{{ sender.name }}', '{{ choices.time_frame }}\n\n{{ sender.name }}']
    const pressing = await start(changed(directory, 'pressing', [question, choices]), '1d/s')
    for (const mode of MODES) {
      const journeys = [
        [answersQuestions, shipped], [answersInOnePress, pressing], [choosesAndLeaves, shipped], [confirms, double],
        [brokenLink, shipped],
      ]
      for (const [journey, suite] of journeys) {
        const somebody = await person(mode)
        await journey(suite, somebody, `${journey.name.toLowerCase()}-${mode.name}@example.com`)
        await somebody.context.close()
        console.log(`${journey.name}, ${mode.name}: as it should be`)
      }
    }
  })
} finally {
  rmSync(directory, { recursive: true })
}
