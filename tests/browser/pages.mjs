// Drives the pages behind the links of mails in a real browser, at the size of a phone, with and without JavaScript,
// against `perennial up` on a store of its own: as a person does who reads the mailbox.
//
//   node pages.mjs PERENNIAL PROGRAMS SCREENSHOTS
//
// PERENNIAL is the command, PROGRAMS the directory of the shipped programs. CHROMIUM says where the browser is.
// It asks nothing of the network but the loopback, and says what went wrong with the last page's screenshot.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const [perennial, programs, screenshots] = process.argv.slice(2)
if (!perennial || !programs || !screenshots) throw new Error('usage: node pages.mjs PERENNIAL PROGRAMS SCREENSHOTS')

// The packages lie outside the checkout: NODE_PATH says where.
const require = createRequire(resolve(process.env.NODE_PATH ?? 'node_modules', 'any.js'))
const { chromium } = require('playwright-core')
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

const PHONE = { width: 390, height: 844 }
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]
// How long anything may take to be seen, in milliseconds.
const PATIENCE = 300_000
// As long as a person needs at least to fill in a form: who is quicker is taken for a robot.
const TYPING = 2_500

/** A suite of its own, whose days are short. */
class Suite {
  static async start (programs, pace) {
    const suite = new Suite()
    suite.directory = mkdtempSync(join(tmpdir(), 'perennial-pages-'))
    suite.store = join(suite.directory, 'leads.db')
    const options = ['up', '--port', '0', '--store', suite.store, '--programs', programs, '--time-lapse', pace]
    suite.process = spawn(perennial, options, { stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const line of createInterface({ input: suite.process.stdout })) {
      suite.url = line.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0]
      if (suite.url) break
    }
    assert(suite.url, 'the suite did not start')
    suite.process.stdout.resume()
    return suite
  }

  async stop () {
    const ended = new Promise(resolve => this.process.once('exit', resolve))
    this.process.kill('SIGTERM')
    await ended
    rmSync(this.directory, { recursive: true })
  }

  async mails (to) {
    const all = await (await fetch(`${this.url}/mailbox/messages.json`)).json()
    return all.filter(mail => mail.to.includes(to))
  }

  /** The first mail to somebody with that subject, once it has come. */
  async mail (to, subject) {
    return until(`a mail "${subject}"`, async () => (await this.mails(to)).find(mail => mail.subject.includes(subject)))
  }

  /** What a command says about the store, as JSON. */
  ask (...command) {
    return JSON.parse(execFileSync(perennial, [...command, '--store', this.store, '--json'], { encoding: 'utf8' }))
  }

  async now () {
    return new Date((await (await fetch(`${this.url}/healthz`)).json()).now)
  }

  async passes (days) {
    const end = (await this.now()).getTime() + days * 86_400_000
    await until(`${days} days`, async () => (await this.now()).getTime() >= end)
  }
}

async function until (what, look) {
  const end = Date.now() + PATIENCE
  for (;;) {
    const seen = await look()
    if (seen) return seen
    assert(Date.now() < end, `${what} did not come`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

/** The links in a mail to one of our pages, in order. */
function links (mail, page) {
  return mail.text.match(new RegExp(`http://127\\.0\\.0\\.1:\\d+/v1/${page}/[\\w.-]+`, 'g')) ?? []
}

/** A person with a phone. */
class Person {
  constructor (context, mode) {
    Object.assign(this, { context, mode })
  }

  static async on (browser, mode) {
    const { javaScript: javaScriptEnabled, colorScheme } = mode
    const context = await browser.newContext({ viewport: PHONE, deviceScaleFactor: 2, javaScriptEnabled, colorScheme, locale: 'en-GB' })
    const person = new Person(context, mode)
    person.page = await context.newPage()
    const { page } = person
    // Whatever a page asks for besides itself would be from elsewhere.
    page.on('request', request => {
      const url = new URL(request.url())
      if (url.pathname.startsWith('/v1/')) assert(request.isNavigationRequest(), `a page loads ${url}`)
    })
    page.on('pageerror', error => { throw error })
    return person
  }

  async opens (url) {
    const answer = await this.page.goto(url)
    assert.equal(answer.status(), 200, url)
  }

  async sees (title) {
    assert.equal(await this.page.locator('h1').innerText(), title)
  }

  async presses (name) {
    const button = this.page.getByRole('button', { name, exact: true })
    const link = this.page.getByRole('link', { name, exact: true })
    await Promise.all([this.page.waitForEvent('domcontentloaded'), button.or(link).click()])
  }

  /** Keeps a picture of the page, and holds the page against what every page must be. */
  async looks (name) {
    const path = join(screenshots, `${name}-${this.mode.name}.png`)
    await this.page.screenshot({ path, fullPage: true })
    const [width, wanted] = await this.page.evaluate(() => [innerWidth, document.documentElement.scrollWidth])
    assert(wanted <= width, `${name} is ${wanted} wide on a phone of ${width}`)
    if (!this.mode.javaScript) return
    await this.page.evaluate(axe)
    const { violations } = await this.page.evaluate(() => globalThis.axe.run())
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html).join(' ')}`), [], name)
  }
}

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

mkdirSync(screenshots, { recursive: true })
const directory = mkdtempSync(join(tmpdir(), 'perennial-programs-'))
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const browser = await chromium.launch({ executablePath, args: FLAGS })
const suites = []
let shown
try {
  const start = async (programs, pace) => {
    const suite = await Suite.start(programs, pace)
    suites.push(suite)
    return suite
  }
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
      const person = await Person.on(browser, mode)
      shown = person.page
      await journey(suite, person, `${journey.name.toLowerCase()}-${mode.name}@example.com`)
      await person.context.close()
      console.log(`${journey.name}, ${mode.name}: as it should be`)
    }
  }
  for (const suite of suites) assert.equal(suite.ask('audit').ok, true, 'no lead is lost')
} catch (error) {
  await shown?.screenshot({ path: join(screenshots, 'failed.png'), fullPage: true }).catch(() => {})
  throw error
} finally {
  await browser.close()
  for (const suite of suites) await suite.stop()
  rmSync(directory, { recursive: true })
}
